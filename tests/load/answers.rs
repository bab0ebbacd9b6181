//! Answers in every form that is not a failure.

use super::*;

#[test]
fn answers_of_every_framing() {
    assert_all_succeed(&Server::answering(OK), 1, &[]);
    assert_all_succeed(
        &Server::answering(b"HTTP/1.1 204 No Content\r\n\r\n"),
        1,
        &[],
    );
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    assert_all_succeed(&Server::answering(chunked), 1, &["--body-bytes", "2"]);
    let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_all_succeed(&Server::answering(interim), 1, &[]);
    let old = b"HTTP/1.0 200 OK\r\n\r\nuntil the end";
    assert_all_succeed(&Server::closing_after(old), 3, &["--body-bytes", "13"]);
}

#[test]
fn answers_in_pieces() {
    for answer in [
        OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ] {
        let server = Server::start(move |mut client| {
            while client.read_request().is_some() {
                client.dribble(answer);
            }
        });
        assert_all_succeed(&server, 1, &["--body-bytes", "2"]);
    }
}

#[test]
fn an_announced_close_is_no_error() {
    assert_all_succeed(&Server::closing_after(LAST), 3, &[]);
}

#[test]
fn without_keep_alive_each_request_has_its_connection_and_says_so() {
    let server = Server::start(|mut client| {
        while let Some(request) = client.read_request() {
            assert!(request.contains("\r\nConnection: close\r\n"), "{request}");
            client.send(OK);
        }
    });
    assert_all_succeed(&server, 3, &["--no-keep-alive"]);
}
