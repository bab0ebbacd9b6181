//! Requests exactly at each limit, and one beyond it.

use crate::case::Then::{Closes, Keeps};
use crate::case::{Case, Expect, ok, ok_bytes, refused};

/// Small limits, so that a delivery byte by byte stays quick. The request line has its default.
pub(crate) const OPTIONS: &[&str] = &[
    "--limit-body",
    "3000",
    "--limit-field-size",
    "1000",
    "--limit-fields-size",
    "3000",
    "--limit-fields",
    "20",
    "--keep-alive-requests",
    "5",
];

/// The cases about limits. Their memory is leaked: cases live as long as the test program.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = request_lines();
    cases.extend(fields());
    cases.extend(bodies());
    cases.extend(trailers());
    cases.extend(requests());
    cases
}

/// The limit counts the whole line without its CR LF. RFC 9112 §3 asks for at least 8000 bytes.
fn request_lines() -> Vec<Case> {
    let line = |bytes: usize| {
        let padding = "a".repeat(bytes - "GET /? HTTP/1.1".len());
        format!("GET /?{padding} HTTP/1.1\r\nHost: h\r\n\r\n")
    };
    let endless = format!("GET /{}", "a".repeat(9000));
    vec![
        kept("rfc9112_3_request_line_of_8000", line(8000), HELLO),
        kept("limit_request_line_met", line(8192), HELLO),
        closed("limit_request_line_exceeded", line(8193), URI_TOO_LONG),
        closed(
            "limit_request_line_far_exceeded",
            line(20_000),
            URI_TOO_LONG,
        ),
        closed("limit_request_line_without_end", endless, URI_TOO_LONG),
    ]
}

fn fields() -> Vec<Case> {
    let get = |fields: String| format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
    let field = |bytes: usize| format!("X: {}\r\n", "a".repeat(bytes - 3));
    let many = |count: usize| "X: y\r\n".repeat(count - 1);
    // Three fields which, together with `Host: h`, make `bytes` bytes. The limit counts the CR LF
    // of each line but the last.
    let total = |bytes: usize| {
        let rest = bytes - "Host: h\r\n".len() - 2 * 1002;
        field(1000) + &field(1000) + &field(rest)
    };
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(1500));
    vec![
        kept("limit_field_size_met", get(field(1000)), HELLO),
        closed(
            "limit_field_size_exceeded",
            get(field(1001)),
            FIELDS_TOO_LARGE,
        ),
        closed("limit_field_size_without_end", endless, FIELDS_TOO_LARGE),
        kept("limit_fields_met", get(many(20)), HELLO),
        closed("limit_fields_exceeded", get(many(21)), FIELDS_TOO_LARGE),
        kept("limit_fields_size_met", get(total(3000)), HELLO),
        closed(
            "limit_fields_size_exceeded",
            get(total(3001)),
            FIELDS_TOO_LARGE,
        ),
    ]
}

fn bodies() -> Vec<Case> {
    let post = |bytes: usize| {
        let body = "b".repeat(bytes);
        format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {bytes}\r\n\r\n{body}")
    };
    let chunks = |sizes: &[usize]| {
        let chunk = |&size: &usize| format!("{size:x}\r\n{}\r\n", "b".repeat(size));
        let chunks: String = sizes.iter().map(chunk).collect();
        format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
    };
    let full: &[Expect] = vec![ok_bytes(vec![b'b'; 3000].leak())].leak();
    vec![
        kept("limit_body_met", post(3000), full),
        closed("limit_body_exceeded", post(3001), CONTENT_TOO_LARGE),
        kept("limit_body_met_in_chunks", chunks(&[1, 999, 2000]), full),
        closed(
            "limit_body_exceeded_in_chunks",
            chunks(&[1000, 2001]),
            CONTENT_TOO_LARGE,
        ),
        closed(
            "limit_body_exceeded_in_one_chunk",
            chunks(&[3001]),
            CONTENT_TOO_LARGE,
        ),
    ]
}

/// Trailers count against the limits on fields.
fn trailers() -> Vec<Case> {
    let post = |trailers: String| {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked";
        format!("{head}\r\n\r\n2\r\nhi\r\n0\r\n{trailers}\r\n")
    };
    const HI: &[Expect] = &[ok("hi")];
    let long = format!("X: {}\r\n", "a".repeat(1001));
    vec![
        kept("limit_trailers_met", post("X: y\r\n".repeat(20)), HI),
        closed(
            "limit_trailers_exceeded",
            post("X: y\r\n".repeat(21)),
            FIELDS_TOO_LARGE,
        ),
        closed("limit_trailer_size_exceeded", post(long), FIELDS_TOO_LARGE),
    ]
}

/// The answer to the last request that a connection may carry says `close`.
fn requests() -> Vec<Case> {
    let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let hello = ok("Hello, World!\n");
    vec![
        kept(
            "limit_requests_nearly_met",
            get.repeat(4),
            vec![hello; 4].leak(),
        ),
        closed("limit_requests_met", get.repeat(5), vec![hello; 5].leak()),
        closed(
            "limit_requests_exceeded",
            get.repeat(6),
            vec![hello; 5].leak(),
        ),
    ]
}

const HELLO: &[Expect] = &[ok("Hello, World!\n")];
const URI_TOO_LONG: &[Expect] = &[refused(414)];
const CONTENT_TOO_LARGE: &[Expect] = &[refused(413)];
const FIELDS_TOO_LARGE: &[Expect] = &[refused(431)];

fn kept(name: &'static str, send: String, answers: &'static [Expect]) -> Case {
    Case::new(name, send.leak().as_bytes(), answers, Keeps)
}

fn closed(name: &'static str, send: String, answers: &'static [Expect]) -> Case {
    Case::new(name, send.leak().as_bytes(), answers, Closes)
}
