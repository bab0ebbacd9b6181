//! Answers that are written can be parsed, and hold exactly what the handler meant.

use std::io::Write;

use proptest::collection::vec;
use proptest::prelude::*;

use super::harness::run;
use crate::http::{Body, Handler, Limits, Request, Response, Status};

/// A response, as a client reads it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) content: Vec<u8>,
}

impl Answer {
    /// The value of a field that must not occur twice.
    pub(super) fn field(&self, name: &str) -> Option<&[u8]> {
        let mut values = self
            .fields
            .iter()
            .filter(|field| field.0.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_slice());
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }
}

/// Reads responses to the end of a stream; `heads` says which of them answer HEAD. Panics at bytes
/// that are no response.
pub(super) fn read_answers(mut stream: &[u8], heads: &[bool]) -> Vec<Answer> {
    let mut answers = Vec::new();
    while !stream.is_empty() {
        let mut table = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut table);
        let Ok(httparse::Status::Complete(length)) = head.parse(stream) else {
            panic!("no head of a response: {}", String::from_utf8_lossy(stream));
        };
        let mut answer = Answer {
            status: head.code.unwrap(),
            fields: head
                .headers
                .iter()
                .map(|field| (field.name.to_owned(), field.value.to_vec()))
                .collect(),
            content: Vec::new(),
        };
        assert!(answer.field("date").is_some(), "every response has a date");
        let declared = answer.field("content-length").map(|value| {
            std::str::from_utf8(value)
                .unwrap()
                .parse::<usize>()
                .unwrap()
        });
        assert_eq!(declared.is_none(), matches!(answer.status, 204 | 304));
        // An error that ends the stream may answer a HEAD, although no handler saw the request.
        let refused = answers.len() >= heads.len() && stream.len() == length;
        let is_head = heads.get(answers.len()).copied().unwrap_or(refused);
        stream = &stream[length..];
        if !is_head {
            let (content, rest) = stream.split_at(declared.unwrap_or(0));
            answer.content = content.to_vec();
            stream = rest;
        }
        answers.push(answer);
    }
    answers
}

/// A handler that gives every request the same answer.
struct Always<F>(F);

impl<F: Fn() -> Response + Sync> Handler for Always<F> {
    fn respond(&self, _: &Request<'_>) -> Response {
        (self.0)()
    }
}

/// What a client reads that asks with `method`.
fn ask(method: &str, answer: impl Fn() -> Response + Sync) -> Answer {
    let request = format!("{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let sent = run(&Limits::default(), &Always(answer), [request.as_bytes()]);
    let mut answers = read_answers(&sent.answers, &[method == "HEAD"]);
    assert_eq!(answers.len(), 1, "one request, one answer");
    answers.remove(0)
}

/// A field value as the client must read it: with spaces for the characters that no value may
/// hold, and without white space around it.
fn cleaned(value: &str) -> Vec<u8> {
    let bytes: Vec<u8> = value
        .bytes()
        .map(|byte| match byte {
            b'\t' => byte,
            0..0x20 | 0x7f => b' ',
            _ => byte,
        })
        .collect();
    bytes.trim_ascii().to_vec()
}

proptest! {
    #[test]
    fn no_value_starts_a_line_of_its_own(
        values in vec(
            prop_oneof!["[\0-\u{ff}\r\n]{0,20}", ".{0,9}\r\nX-Evil: 1(\r\n\r\n)?.{0,9}"],
            0..5,
        ),
        content_type in "[\r\n\0 -~]{0,20}",
    ) {
        let answer = ask("GET", || {
            let response = Response::new(Status::OK);
            let response = response.with_body(content_type.clone(), Body::Static(b"x"));
            let add = |response: Response, value: &String| {
                response.with_field("X-Value", value.clone())
            };
            values.iter().fold(response, add)
        });
        let sent: Vec<&[u8]> = answer
            .fields
            .iter()
            .filter(|(name, _)| name == "X-Value")
            .map(|(_, value)| value.as_slice())
            .collect();
        let meant: Vec<Vec<u8>> = values.iter().map(|value| cleaned(value)).collect();
        prop_assert_eq!(sent, meant);
        let typed = (!content_type.is_empty()).then(|| cleaned(&content_type));
        prop_assert_eq!(answer.field("content-type"), typed.as_deref());
        let known = ["Date", "Content-Length", "Content-Type", "X-Value", "Connection"];
        prop_assert!(answer.fields.iter().all(|(name, _)| known.contains(&name.as_str())));
        prop_assert_eq!(answer.content, b"x");
    }

    /// Lengths on both sides of the size up to which content is copied behind the head.
    #[test]
    fn as_much_is_sent_as_was_declared(
        length in prop_oneof![0usize..50, 16_000usize..17_000],
        offset in 0u64..100,
        pattern in prop::sample::select(vec![&b""[..], b"x", b"abc", &[7; 5000]]),
        status in prop::sample::select(Status::ALL.to_vec()),
    ) {
        let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
        let repeated: Vec<u8> = pattern.iter().copied().cycle().take(length).collect();
        let mut file = tempfile::tempfile()?;
        file.write_all(&vec![b'-'; offset as usize])?;
        file.write_all(&bytes)?;
        let leaked: &'static [u8] = bytes.clone().leak();
        for kind in 0..4 {
            let answer = || {
                let length = length as u64;
                let body = match kind {
                    0 => Body::Static(leaked),
                    1 => Body::Owned(bytes.clone()),
                    2 => Body::Repeated { pattern, length },
                    _ => Body::File { file: file.try_clone().unwrap(), offset, length },
                };
                Response::new(status).with_body("a/b", body)
            };
            let content = if kind == 2 { &repeated } else { &bytes };
            let got = ask("GET", answer);
            let head = ask("HEAD", answer);
            prop_assert_eq!(got.status, status.code());
            let has_content = !matches!(got.status, 204 | 304);
            prop_assert_eq!(&got.content, if has_content { content } else { &b""[..] });
            prop_assert_eq!(&head.content, b"");
            prop_assert_eq!(got.fields, head.fields);
        }
    }
}
