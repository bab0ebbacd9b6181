//! A whole connection: the answers do not depend on where its bytes are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servers::http;
use servers::http::Limits;

#[path = "../../src/http/tests/harness.rs"]
#[allow(dead_code)]
mod harness;

use harness::{Seen, Witness, cut, run};

/// Limits so low that the fuzzer exceeds each of them.
fn limits() -> Limits {
    Limits {
        request_line: 100,
        field_line: 80,
        fields_total: 400,
        fields: 10,
        body: 200,
        requests: 4,
        ..Limits::default()
    }
}

// The first four bytes decide where the stream is cut.
fuzz_target!(|input: &[u8]| {
    let Some((cuts, stream)) = input.split_at_checked(4) else {
        return;
    };
    let cuts: Vec<usize> = cuts.iter().map(|&cut| usize::from(cut)).collect();
    let whole = outcome(&[stream]);
    assert_eq!(whole, outcome(&cut(stream, &cuts)));
    assert_eq!(whole, outcome(&stream.chunks(1).collect::<Vec<_>>()));
});

/// What the client reads and what the handler sees.
fn outcome(pieces: &[&[u8]]) -> (String, Vec<Seen>) {
    let (limits, witness) = (limits(), Witness::default());
    let sent = run(&limits, &witness, pieces.iter().copied());
    assert!(sent.interim as u64 <= limits.requests);
    let seen = witness.0.into_inner().expect("nothing panics in there");
    assert!(seen.len() as u64 <= limits.requests);
    (String::from_utf8_lossy(&sent.answers).into_owned(), seen)
}
