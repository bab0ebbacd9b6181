//! The result does not depend on where a stream is cut.

use proptest::collection::vec;
use proptest::prelude::*;

use super::harness::{Seen, Sent, Wire, Witness, cut, run};
use super::requests::{expected, pipeline, sample, stream};
use crate::http::Limits;

/// Runs a stream in these pieces. Returns what the connection sent and what the handler saw.
fn result(limits: &Limits, pieces: &[&[u8]]) -> (Sent, Vec<Seen>) {
    let witness = Witness::default();
    let sent = run(limits, &witness, pieces.iter().copied());
    (sent, witness.0.into_inner().unwrap())
}

/// The results that must not depend on the cuts: the answers, and the requests that the handler
/// saw. Two results may: how many bytes the connection took after its last answer, and whether a
/// 100 was still of use.
fn outcome((sent, seen): (Sent, Vec<Seen>)) -> (Vec<u8>, Vec<Seen>) {
    (sent.answers, seen)
}

/// Limits so low that generated requests exceed each of them now and then.
fn low() -> Limits {
    Limits {
        request_line: 40,
        field_line: 30,
        fields_total: 200,
        fields: 8,
        body: 100,
        requests: 3,
        ..Limits::default()
    }
}

proptest! {
    #[test]
    fn the_handler_sees_exactly_what_was_sent(pipeline in pipeline()) {
        let (sent, seen) = result(&Limits::default(), &[&stream(&pipeline)]);
        prop_assert_eq!(seen, expected(&pipeline));
        prop_assert!(sent.ended);
    }

    #[test]
    fn valid_requests_can_be_cut_anywhere(
        pipeline in pipeline(),
        cuts in vec(any::<usize>(), 0..30),
        strict in any::<bool>(),
    ) {
        let limits = if strict { low() } else { Limits::default() };
        let stream = stream(&pipeline);
        let whole = outcome(result(&limits, &[&stream]));
        prop_assert_eq!(&whole, &outcome(result(&limits, &cut(&stream, &cuts))));
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(&whole, &outcome(result(&limits, &bytes)));
    }

    /// Mutated requests are wrong in a few places, and there parsers tend to disagree.
    #[test]
    fn spoilt_requests_can_be_cut_anywhere(
        pipeline in pipeline(),
        changes in vec((any::<prop::sample::Index>(), 0..3, byte()), 1..4),
        cuts in vec(any::<usize>(), 0..30),
        strict in any::<bool>(),
    ) {
        let limits = if strict { low() } else { Limits::default() };
        let mut stream = stream(&pipeline);
        for (at, change, byte) in changes {
            let at = at.index(stream.len());
            match change {
                0 => stream[at] = byte,
                1 => stream.insert(at, byte),
                _ => stream.truncate(at.max(1)),
            }
        }
        let whole = outcome(result(&limits, &[&stream]));
        prop_assert_eq!(&whole, &outcome(result(&limits, &cut(&stream, &cuts))));
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(&whole, &outcome(result(&limits, &bytes)));
    }

    #[test]
    fn answers_can_be_written_in_any_steps(sample in sample(), step in 1usize..50) {
        let limits = Limits::default();
        let (whole, _) = result(&limits, &[&sample.bytes]);
        let witness = Witness::default();
        let mut wire = Wire::new(&limits, &witness).writing_at_most(step);
        wire.feed(&sample.bytes);
        prop_assert_eq!(whole.answers, wire.sent.answers);
    }
}

/// Bytes with a meaning in HTTP more often than others.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        2 => prop::sample::select(b"\r\n\0 \t:;,/?%#\x7f\x0b\xff0-+HC".to_vec()),
        1 => any::<u8>(),
    ]
}

/// All two-way splits of one request of each framing.
#[test]
fn every_two_way_split_gives_the_same() {
    for stream in [
        &b"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
            1;x\r\na\r\n0\r\nT: u\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let limits = Limits::default();
        let whole = outcome(result(&limits, &[stream]));
        for at in 0..=stream.len() {
            let (start, end) = stream.split_at(at);
            assert_eq!(
                whole,
                outcome(result(&limits, &[start, end])),
                "cut at {at}"
            );
        }
    }
}
