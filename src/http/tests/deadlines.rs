//! Deadlines are totals. The tests make up the time, so none of them waits.

use std::time::{Duration, Instant};

use super::harness::{Wire, Witness};
use crate::http::{Limits, Want};

const SECOND: Duration = Duration::from_secs(1);
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// Feeds a byte each second until the connection has answered or ended. Returns how long it took.
fn drip(wire: &mut Wire<'_>, bytes: impl IntoIterator<Item = u8>) -> Duration {
    let start = wire.now;
    for byte in bytes {
        wire.wait(SECOND);
        wire.feed(&[byte]);
        if wire.sent.ended || !wire.sent.answers.is_empty() {
            break;
        }
    }
    wire.now - start
}

fn answer(wire: &Wire<'_>) -> String {
    String::from_utf8_lossy(&wire.sent.answers).into_owned()
}

#[test]
fn a_head_that_drips_meets_its_total() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    assert_eq!(drip(&mut wire, [b'a'; 60]), limits.head_time);
    assert!(answer(&wire).starts_with("HTTP/1.1 408 "));
    assert_eq!(wire.conn.want(), Want::Read, "it lingers");
}

#[test]
fn the_first_head_is_due_from_the_start_and_later_ones_from_their_first_byte() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    let due = wire.now + limits.head_time;
    wire.wait(SECOND * 9);
    wire.feed(b"GET / HT");
    assert_eq!(wire.conn.deadline(), Some(due));
    wire.feed(&GET[8..]);
    wire.wait(SECOND * 4);
    wire.feed(b"G");
    assert_eq!(wire.conn.deadline(), Some(wire.now + limits.head_time));
}

#[test]
fn a_client_that_says_nothing_is_left_without_an_answer() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    wire.wait(limits.head_time - Duration::from_nanos(1));
    assert_eq!(wire.conn.want(), Want::Read);
    wire.wait(Duration::from_nanos(1));
    assert_eq!(wire.conn.want(), Want::Close);
    assert_eq!(answer(&wire), "");
}

#[test]
fn an_idle_connection_is_closed_after_the_idle_time() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    wire.feed(GET);
    let length = wire.sent.answers.len();
    assert_eq!(wire.conn.deadline(), Some(wire.now + limits.idle_time));
    wire.wait(limits.idle_time);
    assert_eq!(wire.conn.want(), Want::Close);
    assert_eq!(wire.sent.answers.len(), length, "a 408 without a request");
}

#[test]
fn a_pipelined_head_is_due_from_the_answer_before_it() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    wire.feed(&[GET, b"GET / H"].concat());
    assert_eq!(wire.conn.deadline(), Some(wire.now + limits.head_time));
    wire.wait(limits.head_time);
    wire.settle();
    assert!(answer(&wire).contains("HTTP/1.1 408 "));
}

/// A byte a second is below the least rate: the body gets 20 s and no more, in either framing.
#[test]
fn a_body_that_drips_meets_its_total() {
    for framing in [
        "Content-Length: 1000\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nfff\r\n",
    ] {
        let (limits, witness) = (Limits::default(), Witness::default());
        let mut wire = Wire::new(&limits, &witness);
        wire.feed(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}").as_bytes());
        assert_eq!(drip(&mut wire, [b'a'; 60]), limits.body_time);
        assert!(answer(&wire).starts_with("HTTP/1.1 408 "), "{framing}");
    }
}

/// Only bytes of the body earn time. Extensions and trailers arrive too, but earn none.
#[test]
fn trailers_and_extensions_earn_no_time() {
    for body in ["0\r\nT: ", "1;"] {
        let (limits, witness) = (Limits::default(), Witness::default());
        let mut wire = Wire::new(&limits, &witness);
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        wire.feed(format!("{head}{body}").as_bytes());
        assert_eq!(drip(&mut wire, [b'a'; 60]), limits.body_time);
        assert!(answer(&wire).starts_with("HTTP/1.1 408 "), "{body}");
    }
}

#[test]
fn a_body_at_the_least_rate_arrives_however_long_it_takes() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    let total = 100 * limits.body_rate;
    wire.feed(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {total}\r\n\r\n").as_bytes());
    for _ in 0..100 {
        wire.wait(SECOND);
        wire.feed(&vec![b'a'; limits.body_rate as usize]);
    }
    assert!(answer(&wire).starts_with("HTTP/1.1 200 "));
}

#[test]
fn without_a_rate_a_body_earns_nothing() {
    let limits = Limits {
        body_rate: 0,
        ..Limits::default()
    };
    let witness = Witness::default();
    let mut wire = Wire::new(&limits, &witness);
    wire.feed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n");
    wire.feed(&[b'a'; 80_000]);
    assert_eq!(wire.conn.deadline(), Some(wire.now + limits.body_time));
}

/// A connection that has an answer to write, 100 bytes at a time.
fn writing<'a>(limits: &'a Limits, witness: &'a Witness, target: &str) -> Wire<'a> {
    let mut wire = Wire::new(limits, witness).writing_at_most(100);
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    wire.receive(request.as_bytes());
    wire.respond();
    assert_eq!(wire.conn.want(), Want::Write);
    wire
}

#[test]
fn the_send_deadline_moves_with_progress_alone() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = writing(&limits, &witness, "/long");
    for _ in 0..100 {
        wire.wait(limits.send_time - SECOND);
        wire.write();
    }
    let due: Option<Instant> = wire.conn.deadline();
    wire.wait(SECOND);
    wire.conn.sent(0, wire.now);
    assert_eq!(wire.conn.deadline(), due, "no byte was sent");
    wire.wait(limits.send_time - SECOND);
    assert_eq!(wire.conn.want(), Want::Close);
}

#[test]
fn lingering_is_bounded_in_time_and_in_rate() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let refused = || {
        let mut wire = Wire::new(&limits, &witness);
        wire.feed(b"nonsense\r\n\r\n");
        assert_eq!(wire.conn.want(), Want::Read);
        wire
    };
    let mut wire = refused();
    assert_eq!(drip(&mut wire, []), Duration::ZERO);
    wire.wait(limits.linger_time - SECOND);
    wire.feed(b"more");
    assert_eq!(wire.conn.want(), Want::Read);
    wire.wait(SECOND);
    assert_eq!(wire.conn.want(), Want::Close);
    // Each second earns another, up to the longest time that a close may take.
    let mut wire = refused();
    let mut lasted = Duration::ZERO;
    while wire.conn.want() == Want::Read {
        wire.feed(&vec![b'a'; limits.linger_rate as usize]);
        wire.wait(SECOND);
        lasted += SECOND;
    }
    assert_eq!(lasted, limits.linger_max);
    // A client that sends less than the rate earns nothing.
    let mut wire = refused();
    wire.feed(&vec![b'a'; limits.linger_rate as usize - 1]);
    wire.wait(limits.linger_time);
    assert_eq!(wire.conn.want(), Want::Close);
}

/// No deadline runs while the handler works, and a deadline in the future changes nothing.
#[test]
fn nothing_expires_early_or_while_the_handler_works() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    wire.receive(GET);
    assert_eq!(
        (wire.conn.want(), wire.conn.deadline()),
        (Want::Respond, None)
    );
    wire.wait(SECOND * 1000);
    assert_eq!(wire.conn.want(), Want::Respond);
    wire.respond();
    assert_eq!(wire.conn.deadline(), Some(wire.now + limits.send_time));
}
