//! The activity that a connection reports to the scoreboard, and answers that are the last ones.

use std::time::Duration;

use super::harness::{Wire, Witness};
use crate::http::{Activity, Handler, Limits, Request, Response, Status, Want};

const GET: &[u8] = b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &[u8] = b"POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";

#[test]
fn each_stage_shows_what_it_is_and_when_it_began() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    let began = wire.now;
    assert_eq!(
        (wire.conn.activity(), wire.conn.since()),
        (Activity::Reading, began)
    );
    wire.wait(Duration::from_secs(1));
    wire.receive(GET);
    let whole = wire.now;
    assert_eq!(
        (wire.conn.activity(), wire.conn.since()),
        (Activity::Answering, whole)
    );
    assert_eq!(wire.conn.request_line(), b"GET /one HTTP/1.1");
    wire.wait(Duration::from_secs(1));
    wire.respond();
    assert_eq!(
        (wire.conn.activity(), wire.conn.since()),
        (Activity::Answering, wire.now)
    );
    wire.settle();
    assert_eq!(
        (wire.conn.activity(), wire.conn.since()),
        (Activity::Idle, wire.now)
    );
    wire.wait(Duration::from_secs(1));
    wire.feed(b"nonsense\r\n\r\n");
    assert_eq!(wire.conn.activity(), Activity::Closing);
}

/// A request counts as arrived with its last byte. Otherwise a slow client would look like a slow
/// handler.
#[test]
fn a_request_is_there_when_its_last_byte_is() {
    for (head, body) in [
        (POST, [&b"bo"[..], b"dy"]),
        (
            b"POST /two HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            [b"4\r\nbody\r\n", b"0\r\n\r\n"],
        ),
    ] {
        let (limits, witness) = (Limits::default(), Witness::default());
        let mut wire = Wire::new(&limits, &witness);
        wire.receive(head);
        for part in body {
            assert_eq!(wire.conn.activity(), Activity::Reading);
            wire.wait(Duration::from_secs(1));
            wire.receive(part);
        }
        assert_eq!(wire.conn.want(), Want::Respond);
        assert_eq!(wire.conn.since(), wire.now);
        assert_eq!(wire.conn.request_line(), b"POST /two HTTP/1.1");
    }
}

#[test]
fn what_is_refused_has_no_line() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    wire.feed(GET);
    wire.receive(b"nonsense\r\n\r\n");
    assert_eq!(wire.conn.want(), Want::Respond);
    assert_eq!(wire.conn.request_line(), b"");
}

struct Farewell;

impl Handler for Farewell {
    fn respond(&self, _: &Request<'_>) -> Response {
        Response::text(Status::OK, "bye").and_close()
    }
}

/// The client may have sent more already. A close with unread bytes would reset the connection, so
/// the sending side is shut down first.
#[test]
fn an_answer_can_be_the_last_of_its_connection() {
    let limits = Limits::default();
    let mut wire = Wire::new(&limits, &Farewell);
    wire.receive(&[GET, GET].concat());
    wire.respond();
    while wire.conn.want() == Want::Write {
        wire.write();
    }
    let answer = String::from_utf8_lossy(&wire.sent.answers).into_owned();
    assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    assert_eq!(answer.matches("bye").count(), 1, "{answer}");
    assert_eq!(wire.conn.want(), Want::Shutdown);
}
