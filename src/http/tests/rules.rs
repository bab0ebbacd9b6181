//! Rules of RFC 9112 and RFC 9110 about connections. `tests/http` tests single requests, against
//! every server model.

use super::harness::{Sent, Wire, Witness, run};
use super::writing::read_answers;
use crate::http::{Handler, Limits, Request, Response, Want};

/// What the connection sent in answer to a stream, and how many requests the handler saw.
fn result(limits: &Limits, stream: &str) -> (Sent, usize) {
    let witness = Witness::default();
    let sent = run(limits, &witness, [stream.as_bytes()]);
    let seen = witness.0.into_inner().unwrap().len();
    (sent, seen)
}

/// The statuses of the answers to a stream without a HEAD.
fn statuses(stream: &str) -> Vec<u16> {
    let (sent, _) = result(&Limits::default(), stream);
    read_answers(&sent.answers, &[])
        .iter()
        .map(|answer| answer.status)
        .collect()
}

/// If two parsers disagree on this, one request can hide in another.
#[test]
fn a_bare_cr_ends_no_line() {
    for head in [
        "GET / HTTP/1.1\rXHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\rHost: a\r\n\r\n",
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
        "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n\r\n",
        "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert_eq!(statuses(head), [400], "{head:?}");
    }
}

/// The first wrong byte decides, so the answer does not depend on where the stream is cut.
#[test]
fn the_first_error_in_the_stream_is_the_one_reported() {
    let long = "a".repeat(8200);
    assert_eq!(statuses(&format!("GET /{long}\n")), [414]);
    assert_eq!(
        statuses(&format!("GET / HTTP/1.1\r\nHost: {long}\n")),
        [431]
    );
    assert_eq!(statuses("GET /\n"), [400]);
}

#[test]
fn sizes_at_the_limit_pass_and_beyond_it_do_not() {
    let request = |path: usize, field: usize, body: usize| {
        let (path, field, body) = ("p".repeat(path), "f".repeat(field), "b".repeat(body));
        let length = body.len();
        let fields = format!("Host: a\r\nX: {field}\r\nContent-Length: {length}\r\n");
        statuses(&format!("POST /{path} HTTP/1.1\r\n{fields}\r\n{body}"))
    };
    let limits = Limits::default();
    let path = limits.request_line - "POST / HTTP/1.1".len();
    let field = limits.field_line - "X: ".len();
    let body = limits.body as usize;
    assert_eq!(request(path, field, body), [200]);
    assert_eq!(request(path + 1, field, body), [414]);
    assert_eq!(request(path, field + 1, body), [431]);
    assert_eq!(request(path, field, body + 1), [413]);
}

#[test]
fn one_hundred_is_sent_once_and_only_while_it_makes_sense() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
    let interim = |pieces: &[&str]| {
        let witness = Witness::default();
        let limits = Limits::default();
        run(
            &limits,
            &witness,
            pieces.iter().map(|piece| piece.as_bytes()),
        )
        .interim
    };
    let length = format!("{head}Content-Length: 2\r\n\r\n");
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    assert_eq!(interim(&[&length, "a", "b"]), 1);
    assert_eq!(interim(&[&chunked, "1\r\na\r\n", "0\r\n\r\n"]), 1);
    // The client has sent a part of the body already, or there is no body.
    assert_eq!(interim(&[&format!("{length}a"), "b"]), 0);
    assert_eq!(interim(&[&format!("{head}Content-Length: 0\r\n\r\n")]), 0);
    // A certain 413; and a client of HTTP/1.0, which would not understand a 100.
    assert_eq!(
        interim(&[&format!("{head}Content-Length: 99999999\r\n\r\n")]),
        0
    );
    assert_eq!(interim(&[&length.replace("1.1", "1.0"), "a", "b"]), 0);
}

/// A client that reads nothing cannot hold the connection by an unsent 100.
#[test]
fn a_client_that_reads_no_answer_to_expect_meets_the_send_deadline() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    wire.receive(head);
    assert_eq!(wire.conn.want(), Want::Write);
    wire.wait(limits.send_time);
    assert_eq!(wire.conn.want(), Want::Close);
}

#[test]
fn the_last_request_of_a_connection_is_answered_with_close() {
    let limits = Limits {
        requests: 2,
        ..Limits::default()
    };
    let (sent, seen) = result(&limits, &"GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
    let answers = read_answers(&sent.answers, &[]);
    assert_eq!((seen, answers.len()), (2, 2));
    assert_eq!(answers[0].field("connection"), None);
    assert_eq!(answers[1].field("connection"), Some(&b"close"[..]));
}

#[test]
fn a_refused_head_gets_no_content_even_if_it_was_never_whole() {
    let long = "a".repeat(9000);
    for head in [
        format!("HEAD /{long} HTTP/1.1\r\n"),
        format!("\r\nHEAD /{long} HTTP/1.1\r\n"),
        format!("HEAD / HTTP/1.1\r\nHost: {long}\r\n"),
        "HEAD / HTTP/1.1\r\n\r\n".to_owned(),
    ] {
        let (sent, _) = result(&Limits::default(), &head);
        assert!(sent.answers.starts_with(b"HTTP/1.1 4"));
        assert!(sent.answers.ends_with(b"\r\n\r\n"), "{}", &head[..20]);
    }
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    wire.feed(b"HEAD / HT");
    wire.wait(limits.head_time);
    wire.settle();
    assert!(wire.sent.answers.starts_with(b"HTTP/1.1 408 "));
    assert!(wire.sent.answers.ends_with(b"\r\n\r\n"));
}

#[test]
fn the_form_of_a_target_goes_with_the_method() {
    for (line, status) in [
        ("CONNECT a:80", 200),
        ("CONNECT a", 400),
        ("CONNECT a:", 400),
        ("CONNECT :80", 400),
        ("CONNECT /", 400),
        ("CONNECT *", 400),
        ("CONNECT http://a/", 400),
        ("GET a:80", 400),
        ("OPTIONS *", 200),
        ("GET *", 400),
        ("GET http://a", 200),
        ("GET ftp://a/", 400),
        ("GET http:///", 400),
    ] {
        let request = format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(statuses(&request), [status], "{line}");
    }
}

#[test]
fn what_follows_a_chunk_size_is_an_extension_by_the_grammar() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (size, status) in [
        ("1", 200),
        ("1 ;x", 200),
        ("1;x", 200),
        ("1 ", 400),
        (" 1", 400),
        ("1;", 400),
        ("1;;", 400),
        ("1;x;", 400),
        ("1;x ", 400),
        ("1;x=", 400),
        ("1;=x", 400),
        ("1;@=[]", 400),
        ("1;x=@", 400),
        ("1;x=\"", 400),
        ("1;x=\"y", 400),
        ("1;x=\"y\\\"", 400),
        ("1;x=\"y\"z", 400),
        ("1;x y", 400),
        ("1\t;\tx\t=\ty", 200),
        ("1;x=\"\"", 200),
        ("1;x=\"\\\"\"", 200),
        ("1;x=\"y;\" ; z=\"\\\\\"", 200),
    ] {
        let request = format!("{head}{size}\r\na\r\n0\r\n\r\n");
        assert_eq!(statuses(&request), [status], "{size:?}");
    }
}

struct Broken;

impl Handler for Broken {
    fn respond(&self, _: &Request<'_>) -> Response {
        // Unlike panic!, this prints nothing on standard error.
        std::panic::resume_unwind(Box::new("on purpose"));
    }
}

#[test]
fn a_handler_that_panics_costs_its_own_request_and_connection() {
    let stream = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2);
    let sent = run(&Limits::default(), &Broken, [stream.as_bytes()]);
    let answers = read_answers(&sent.answers, &[]);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].status, 500);
    assert_eq!(answers[0].field("connection"), Some(&b"close"[..]));
}

/// The head has promised a length. Only a close can tell the client that less will come.
#[test]
fn a_file_that_shrinks_while_it_is_sent_ends_the_connection() {
    struct Shrunk(std::fs::File);
    impl Handler for Shrunk {
        fn respond(&self, _: &Request<'_>) -> Response {
            let file = self.0.try_clone().unwrap();
            let body = crate::http::Body::File {
                file,
                offset: 0,
                length: 50_000,
            };
            Response::new(crate::http::Status::OK).with_body("a/b", body)
        }
    }
    let file = tempfile::tempfile().unwrap();
    file.set_len(20_000).unwrap();
    let stream = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2);
    let sent = run(&Limits::default(), &Shrunk(file), [stream.as_bytes()]);
    let text = String::from_utf8_lossy(&sent.answers);
    assert!(text.contains("Content-Length: 50000\r\n"));
    assert_eq!(text.matches("HTTP/1.1").count(), 1);
    assert_eq!(text.matches('\0').count(), 20_000);
    assert!(sent.ended);
}
