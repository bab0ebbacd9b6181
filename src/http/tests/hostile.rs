//! Hostile input: no panic, no answer after an error, no more memory than the limits allow.

use proptest::collection::vec;
use proptest::prelude::*;

use super::harness::{Witness, cut, run};
use super::requests::{pipeline, stream};
use super::writing::read_answers;
use crate::http::Limits;
use crate::http::chunked::Chunked;

proptest! {
    #[test]
    fn any_bytes_meet_an_answer_or_a_close(
        input in vec(any::<u8>(), 0..2000),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        check(&input, &cuts)?;
    }

    /// Bytes that look like HTTP get further into the parser than noise does.
    #[test]
    fn fragments_of_requests_meet_an_answer_or_a_close(
        fragments in vec(fragment(), 0..40),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        check(&fragments.concat(), &cuts)?;
    }

    #[test]
    fn nothing_is_answered_after_an_error(
        before in pipeline(),
        error in fragment(),
        after in pipeline(),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        let mut input = stream(&before);
        input.extend(error);
        input.extend(stream(&after));
        check(&input, &cuts)?;
    }

    #[test]
    fn the_chunk_decoder_takes_no_more_than_there_is(
        fragments in vec(chunk_fragment(), 0..20),
        cuts in vec(any::<usize>(), 0..20),
    ) {
        let input = fragments.concat();
        let limits = Limits { body: 50, ..Limits::default() };
        let (mut decoder, mut body) = (Chunked::new(), Vec::new());
        let mut waiting = Vec::new();
        for piece in cut(&input, &cuts) {
            waiting.extend_from_slice(piece);
            let Ok(taken) = decoder.decode(&waiting, &mut body, &limits) else { break };
            prop_assert!(taken <= waiting.len());
            waiting.drain(..taken);
        }
        prop_assert!(body.len() as u64 <= limits.body);
        prop_assert!(body.capacity() as u64 <= limits.body);
    }
}

/// Runs a stream and compares the answers with the requests that the handler saw.
fn check(input: &[u8], cuts: &[usize]) -> Result<(), TestCaseError> {
    let limits = Limits {
        requests: 10,
        ..Limits::default()
    };
    let witness = Witness::default();
    let sent = run(&limits, &witness, cut(input, cuts));
    let seen = witness.0.into_inner().unwrap();
    let heads: Vec<bool> = seen.iter().map(|seen| seen.method == "HEAD").collect();
    let answers = read_answers(&sent.answers, &heads);
    prop_assert!(sent.taken <= input.len());
    // This handler never answers with an error, so each error comes from the connection.
    let errors = answers.iter().filter(|answer| answer.status >= 400).count();
    prop_assert_eq!(answers.len(), seen.len() + errors);
    prop_assert!(errors <= 1);
    if errors == 1 {
        let last = answers.last().unwrap();
        prop_assert!(last.status >= 400);
        prop_assert_eq!(last.field("connection"), Some(&b"close"[..]));
    }
    Ok(())
}

fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "GET",
        "HEAD",
        "POST",
        "CONNECT",
        "OPTIONS",
        "PRI",
        " ",
        "  ",
        "/",
        "*",
        "http://a/",
        "a:1",
        " HTTP/1.1",
        " HTTP/1.0",
        " HTTP/2.0",
        " http/1.1",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\r",
        "\0",
        "Host: a\r\n",
        "Host: b\r\n",
        "Host : a\r\n",
        " folded\r\n",
        "Content-Length: 3\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Connection: close\r\n",
        "Expect: 100-continue\r\n",
        "Expect: more\r\n",
        "abc",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
    ]);
    prop_oneof![
        8 => known.prop_map(|text| text.as_bytes().to_vec()),
        2 => chunk_fragment(),
        1 => vec(any::<u8>(), 0..5),
        1 => (0usize..10_000).prop_map(|length| vec![b'a'; length]),
    ]
}

fn chunk_fragment() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "0",
        "1",
        "a",
        "F",
        "1f",
        "ffffffffffffffff",
        "\r\n",
        "1\r\na\r\n",
        "0\r\n\r\n",
        ";a=b",
        " ;",
        " ",
        "\n",
        "\r",
        "T: u\r\n",
        "T:\r\n",
        "x",
    ]);
    known.prop_map(|text| text.as_bytes().to_vec())
}
