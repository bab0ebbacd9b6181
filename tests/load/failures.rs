//! Each kind of failure, against a server that fails in that way.

use super::*;

#[test]
fn refused_after_the_start() {
    let (report, succeeded) = measure(&Server::gone_after_one(), 4, &[]);
    assert_eq!(number(&report["requests"]), 1, "{report:#}");
    assert_eq!(number(&report["errors"]["refused"]), 3, "{report:#}");
    assert!(!succeeded, "the server has gone: {report:#}");
}

#[test]
fn reset_before_the_first_byte() {
    let server = Server::start(|mut client| {
        if client.read_request().is_some() {
            client.reset();
        }
    });
    assert_all_fail(&server, "reset_before_first_byte", &[]);
}

#[test]
fn reset_after_the_first_byte() {
    let server = Server::start(|mut client| {
        if client.read_request().is_some() {
            client.send(b"HTTP/1.1 200 OK\r\nContent-Le");
            client.reset();
        }
    });
    assert_all_fail(&server, "reset_after_first_byte", &[]);
}

#[test]
fn closed_early() {
    for cut_short in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12345678",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        assert_all_fail(&Server::closing_after(cut_short), "closed_early", &[]);
    }
}

#[test]
fn closed_while_idle_without_a_word() {
    // Every second request is sent on the connection that carried the answer before it.
    let (report, _) = measure(&Server::closing_after(OK), 10, &[]);
    let errors = &report["errors"];
    let lost = number(&errors["closed_early"]) + number(&errors["reset_before_first_byte"]);
    assert_eq!((number(&report["requests"]), lost), (5, 5), "{report:#}");
}

#[test]
fn timeout() {
    let silent = Server::start(|mut client| {
        client.read_request();
        client.hang();
    });
    assert_all_fail(&silent, "timeout", &["--timeout", "50ms"]);
    let halfway = Server::start(|mut client| {
        client.read_request();
        client.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1");
        client.hang();
    });
    assert_all_fail(&halfway, "timeout", &["--timeout", "50ms"]);
}

#[test]
fn bad_response() {
    for nonsense in [
        &b"220 smtp.example.org ESMTP\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
    ] {
        assert_all_fail(&Server::answering(nonsense), "bad_response", &[]);
    }
}

#[test]
fn wrong_body() {
    let longer = Server::answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nok");
    assert_all_fail(&longer, "wrong_body", &[]);
    assert_all_fail(&Server::answering(OK), "wrong_body", &["--body-bytes", "3"]);
    assert_all_succeed(&Server::answering(OK), 1, &["--body-bytes", "2"]);
}

#[test]
fn status() {
    let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    assert_all_fail(&Server::answering(missing), "status", &[]);
    let broken = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_all_fail(&Server::closing_after(broken), "status", &[]);
}
