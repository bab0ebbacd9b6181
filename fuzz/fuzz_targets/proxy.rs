//! A connection behind a balancer: what comes of its header does not depend on where it is cut.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use servers::http;
use servers::http::Limits;

#[path = "../../src/http/tests/harness.rs"]
#[allow(dead_code)]
mod harness;

use harness::{Seen, Wire, Witness, cut};

/// The client, why it was refused, and what it was answered.
type Outcome = (Option<SocketAddr>, Option<&'static str>, Vec<u8>, Vec<Seen>);

// The first four bytes decide where the stream is cut.
fuzz_target!(|input: &[u8]| {
    let Some((cuts, stream)) = input.split_at_checked(4) else {
        return;
    };
    let cuts: Vec<usize> = cuts.iter().map(|&cut| usize::from(cut)).collect();
    let whole = outcome(&[stream]);
    assert_eq!(whole, outcome(&cut(stream, &cuts)));
    assert_eq!(whole, outcome(&stream.chunks(1).collect::<Vec<_>>()));
    let (client, fault, answers, seen) = whole;
    // No request is answered without a header, and no fault is answered at all.
    let has_header = stream.starts_with(b"PROXY ") || stream.starts_with(b"\r\n\r\n\0\r\nQUIT\n");
    assert!(has_header || answers.is_empty() && seen.is_empty() && client.is_none());
    assert!(fault.is_none() || answers.is_empty() && client.is_none());
});

fn outcome(pieces: &[&[u8]]) -> Outcome {
    let limits = Limits {
        proxy_header: true,
        requests: 4,
        ..Limits::default()
    };
    let witness = Witness::default();
    let mut wire = Wire::new(&limits, &witness);
    pieces.iter().for_each(|piece| wire.feed(piece));
    let (client, fault) = (wire.conn.client(), wire.conn.proxy_fault());
    let answers = std::mem::take(&mut wire.sent.answers);
    drop(wire);
    let seen = witness.0.into_inner().expect("nothing panics in there");
    (client, fault, answers, seen)
}
