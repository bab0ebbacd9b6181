//! The head: another parser must read every accepted request in the same way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servers::http;
use servers::http::{Limits, Version};

#[path = "../../src/http/tests/harness.rs"]
#[allow(dead_code)]
mod harness;

use harness::{Seen, Witness, run};

fuzz_target!(|input: &[u8]| {
    let limits = Limits {
        requests: 1,
        ..Limits::default()
    };
    let witness = Witness::default();
    run(&limits, &witness, [input]);
    for seen in witness.0.into_inner().expect("nothing panics in there") {
        compare(input, &seen);
    }
});

/// Compares with httparse's parser of whole requests; the server uses its parser of fields alone.
fn compare(input: &[u8], seen: &Seen) {
    let mut table = [httparse::EMPTY_HEADER; Limits::FIELDS_CEILING];
    let mut request = httparse::Request::new(&mut table);
    let input = in_known_version(input);
    let parsed = request.parse(&input);
    assert!(
        matches!(parsed, Ok(httparse::Status::Complete(_))),
        "{parsed:?}, but taken: {seen:?}"
    );
    assert_eq!(request.method, Some(seen.method.as_str()));
    assert_eq!(request.path, Some(seen.target.as_str()));
    let fields: Vec<(String, Vec<u8>)> = request
        .headers
        .iter()
        .map(|field| (field.name.to_owned(), field.value.to_vec()))
        .collect();
    assert_eq!(fields, seen.fields);
    check_framing(seen);
}

/// Rewrites HTTP/1.2 and above to 1.1, as which the server answers them (RFC 9110 §2.5); httparse
/// knows 1.0 and 1.1 alone.
fn in_known_version(input: &[u8]) -> Vec<u8> {
    let mut input = input.to_vec();
    let start = if input.starts_with(b"\r\n") { 2 } else { 0 };
    let end = input[start..].iter().position(|&byte| byte == b'\r');
    if let Some(minor) = end.and_then(|end| input.get_mut(start + end - 1))
        && (b'2'..=b'9').contains(minor)
    {
        *minor = b'1';
    }
    input
}

/// Checks what must hold for every accepted request.
fn check_framing(seen: &Seen) {
    let count = |name: &str| {
        let is_named = |field: &&(String, Vec<u8>)| field.0.eq_ignore_ascii_case(name);
        seen.fields.iter().filter(is_named).count()
    };
    let (hosts, lengths) = (count("host"), count("content-length"));
    assert!(hosts == 1 || hosts == 0 && seen.version == Version::Http10);
    assert!(lengths <= 1);
    assert!(lengths == 0 || count("transfer-encoding") == 0);
    assert!(count("transfer-encoding") == 0 || seen.version == Version::Http11);
    assert!(lengths + count("transfer-encoding") > 0 || seen.body.is_empty());
    assert!(seen.fields.len() <= Limits::default().fields);
}
