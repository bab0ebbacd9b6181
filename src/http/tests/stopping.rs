//! A stopping server answers the requests that have begun, and closes idle connections soon.

use std::time::Duration;

use super::harness::{Wire, Witness};
use crate::http::{Activity, Limits, Want};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn answers(wire: &Wire<'_>) -> usize {
    String::from_utf8_lossy(&wire.sent.answers)
        .matches("HTTP/1.1 200")
        .count()
}

fn says_close(wire: &Wire<'_>) -> bool {
    String::from_utf8_lossy(&wire.sent.answers).contains("\r\nConnection: close\r\n")
}

/// A connection whose first answer has promised to keep it open.
fn kept<'a>(limits: &'a Limits, witness: &'a Witness) -> Wire<'a> {
    let mut wire = Wire::new(limits, witness);
    wire.feed(GET);
    assert!(!says_close(&wire));
    wire
}

/// Lets the grace period of a stopped connection pass, which is short.
fn outwait(wire: &mut Wire<'_>) {
    assert_eq!(wire.conn.want(), Want::Read);
    let left = wire.conn.deadline().unwrap() - wire.now;
    assert!(left < Duration::from_secs(1));
    wire.wait(left);
    assert_lingers(wire);
}

/// The server has ended a connection that it had promised to keep, so a further request may be on
/// its way: the connection drops what arrives until the client closes.
#[track_caller]
fn assert_lingers(wire: &mut Wire<'_>) {
    let answered = answers(wire);
    wire.settle();
    assert_eq!(wire.conn.activity(), Activity::Closing);
    wire.feed(GET);
    assert_eq!(
        (wire.conn.want(), answers(wire)),
        (Want::Read, answered),
        "it reads on and answers nothing"
    );
    wire.conn.ended();
    assert_eq!(wire.conn.want(), Want::Close);
}

/// The server has promised to keep the connection, and the client cannot know of the stop. Its
/// next request may be on its way.
#[test]
fn an_idle_connection_has_a_moment_for_a_request_on_its_way() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = kept(&limits, &witness);
    wire.conn.stop(wire.now);
    let due = wire.conn.deadline();
    wire.conn.stop(wire.now + limits.idle_time);
    assert_eq!(wire.conn.deadline(), due, "a second stop changes nothing");
    wire.feed(GET);
    assert_eq!((answers(&wire), says_close(&wire)), (2, true));
    assert_lingers(&mut wire);
}

#[test]
fn an_idle_connection_that_sends_nothing_closes_soon() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = kept(&limits, &witness);
    // The time that it was idle before the stop does not count.
    wire.now += limits.idle_time / 2;
    wire.conn.stop(wire.now);
    outwait(&mut wire);
    assert_eq!(answers(&wire), 1);
}

/// Some clients send an empty line behind a body. No request has begun with it.
#[test]
fn a_stray_empty_line_leaves_a_connection_idle() {
    for stray in [&b"\r"[..], b"\r\n"] {
        let (limits, witness) = (Limits::default(), Witness::default());
        let served = || {
            let mut wire = Wire::new(&limits, &witness);
            wire.feed(&[GET, stray].concat());
            wire
        };
        let mut stopped = served();
        stopped.conn.stop(stopped.now);
        outwait(&mut stopped);
        let mut expired = served();
        expired.wait(limits.idle_time);
        assert_eq!(expired.conn.want(), Want::Close);
        let mut next = served();
        next.feed(&[&b"\r\n"[stray.len()..], GET].concat());
        assert_eq!(answers(&next), 2);
        let mut stopped_while_writing = Wire::new(&limits, &witness);
        stopped_while_writing.receive(&[GET, stray].concat());
        stopped_while_writing.respond();
        stopped_while_writing.conn.stop(stopped_while_writing.now);
        stopped_while_writing.settle();
        outwait(&mut stopped_while_writing);
    }
}

/// The connection came out of the accept queue, so its request is likely on its way.
#[test]
fn a_fresh_connection_has_a_moment_to_send_its_request() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    wire.conn.stop(wire.now);
    assert_eq!(wire.conn.want(), Want::Read);
    let due = wire.conn.deadline().unwrap();
    assert!(due < wire.now + limits.head_time);
    wire.conn.stop(wire.now + limits.head_time);
    assert_eq!(
        wire.conn.deadline(),
        Some(due),
        "a second stop changes nothing"
    );
    wire.feed(GET);
    assert_eq!((answers(&wire), says_close(&wire)), (1, true));
    assert_lingers(&mut wire);
    let mut silent = Wire::new(&limits, &witness);
    silent.conn.stop(silent.now);
    silent.wait(due - wire.now);
    assert_eq!(silent.conn.want(), Want::Close);
}

#[test]
fn a_request_that_has_begun_is_answered() {
    let chunked =
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";
    for request in [GET, chunked] {
        for at in 1..request.len() {
            let (limits, witness) = (Limits::default(), Witness::default());
            let mut wire = Wire::new(&limits, &witness);
            wire.feed(&request[..at]);
            wire.conn.stop(wire.now);
            wire.feed(&request[at..]);
            wire.feed(GET);
            assert_eq!(
                (answers(&wire), says_close(&wire)),
                (1, true),
                "stopped at {at}"
            );
            assert_lingers(&mut wire);
        }
    }
}

/// The first answer has promised to keep the connection. So the server answers a second request
/// that has arrived already, and that answer says `close`.
#[test]
fn a_stop_during_an_answer_lets_the_pipelined_request_through() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    let both = [GET, GET].concat();
    wire.receive(&both);
    wire.respond();
    wire.conn.stop(wire.now);
    wire.settle();
    assert_eq!((answers(&wire), says_close(&wire)), (2, true));
    assert_lingers(&mut wire);
}

/// The answer in flight has promised to keep the connection. So the next request has a grace
/// period in which to arrive.
#[test]
fn a_stop_during_an_answer_leaves_a_moment_for_the_next_request() {
    for asks_again in [false, true] {
        let (limits, witness) = (Limits::default(), Witness::default());
        let mut wire = Wire::new(&limits, &witness);
        wire.receive(GET);
        wire.respond();
        wire.conn.stop(wire.now);
        wire.settle();
        assert_eq!(answers(&wire), 1);
        if asks_again {
            wire.feed(GET);
            assert_eq!((answers(&wire), says_close(&wire)), (2, true));
            assert_lingers(&mut wire);
        } else {
            outwait(&mut wire);
        }
    }
}
