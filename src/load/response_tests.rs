//! Answers whole, split and broken.

use super::*;
use crate::load::head::FIELDS_MAX;

/// Feeds the pieces, then the server's close; what came of it.
fn feed(pieces: &[&[u8]]) -> Result<Option<Answer>, Malformed> {
    let mut response = Response::default();
    for (index, piece) in pieces.iter().enumerate() {
        if let Some(mut answer) = response.feed(piece)? {
            answer.surplus_bytes += pieces[index + 1..].concat().len();
            return Ok(Some(answer));
        }
    }
    Ok(response.end())
}

fn answer(status: u16, reusable: bool, body_bytes: u64) -> Answer {
    Answer {
        status,
        reusable,
        body_bytes,
        surplus_bytes: 0,
    }
}

/// Every answer of the table that is well formed, with what it should come to.
fn well_formed() -> Vec<(&'static str, Answer)> {
    vec![
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            answer(200, true, 5),
        ),
        (
            "HTTP/1.1 200\r\ncontent-length:0\r\n\r\n",
            answer(200, true, 0),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
            answer(200, true, 2),
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", answer(204, true, 0)),
        (
            "HTTP/1.1 304 Same\r\nContent-Length: 99\r\n\r\n",
            answer(304, true, 0),
        ),
        (
            "HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
            answer(404, false, 1),
        ),
        (
            "HTTP/1.1 200 OK\r\nConnection: a, Close\r\nContent-Length: 0\r\n\r\n",
            answer(200, false, 0),
        ),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
            answer(200, false, 1),
        ),
        (
            "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx",
            answer(200, true, 1),
        ),
        (
            "HTTP/1.0 200 OK\r\n\r\nuntil the end",
            answer(200, false, 13),
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\nuntil the end",
            answer(200, false, 13),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nzzz",
            answer(200, false, 3),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n\
             3\r\nabc\r\n0\r\nT: x\r\n\r\n",
            answer(200, true, 3),
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            answer(200, true, 2),
        ),
    ]
}

#[test]
fn answers_are_read_whole() {
    for (bytes, expected) in well_formed() {
        assert_eq!(feed(&[bytes.as_bytes()]), Ok(Some(expected)), "{bytes:?}");
    }
}

#[test]
fn every_split_in_two_gives_the_same() {
    for (bytes, expected) in well_formed() {
        for at in 0..=bytes.len() {
            let (first, second) = bytes.as_bytes().split_at(at);
            assert_eq!(
                feed(&[first, second]),
                Ok(Some(expected)),
                "{bytes:?} split at {at}"
            );
        }
    }
}

#[test]
fn byte_by_byte_gives_the_same() {
    for (bytes, expected) in well_formed() {
        let pieces: Vec<&[u8]> = bytes.as_bytes().chunks(1).collect();
        assert_eq!(feed(&pieces), Ok(Some(expected)), "{bytes:?}");
    }
}

#[test]
fn a_response_is_ready_again_after_reset() {
    let mut response = Response::default();
    for (bytes, expected) in well_formed() {
        let (first, second) = bytes.as_bytes().split_at(bytes.len() / 2);
        response.reset(false);
        assert!(!response.started());
        let early = response.feed(first).unwrap();
        assert!(response.started());
        let answer = early
            .or_else(|| response.feed(second).unwrap())
            .or_else(|| response.end());
        assert_eq!(answer, Some(expected), "{bytes:?}");
    }
}

#[test]
fn bytes_beyond_the_answer_are_told() {
    for framed in [
        "Content-Length: 2\r\n\r\nok",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{framed}extra");
        let answer = feed(&[bytes.as_bytes()]).unwrap().unwrap();
        assert_eq!(answer.surplus_bytes, 5, "{bytes:?}");
    }
}

#[test]
fn answers_cut_short_are_not_answers() {
    for (bytes, _) in well_formed()
        .iter()
        .filter(|(bytes, _)| !bytes.contains("the end"))
    {
        if bytes.contains("gzip\r\n") {
            continue; // Ends with the connection too.
        }
        for at in 0..bytes.len() {
            assert_eq!(
                feed(&[&bytes.as_bytes()[..at]]),
                Ok(None),
                "{bytes:?} cut at {at}"
            );
        }
    }
}

#[test]
fn broken_answers_are_refused() {
    for bytes in [
        "garbage\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "HTTP/1.1 099 Low\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        assert!(feed(&[bytes.as_bytes()]).is_err(), "{bytes:?}");
    }
}

#[test]
fn endless_heads_are_refused() {
    let field = format!("X: {}\r\n", "y".repeat(1000));
    let mut response = Response::default();
    let mut outcome = response.feed(b"HTTP/1.1 200 OK\r\n");
    for _ in 0..HEAD_BYTES_MAX / 1000 + 1 {
        if outcome.is_ok() {
            outcome = response.feed(field.as_bytes());
        }
    }
    assert!(outcome.unwrap_err().reason.contains("64 KiB"));
}

#[test]
fn many_fields_are_accepted_up_to_the_limit() {
    let with = |fields: usize| {
        let lines = "X: y\r\n".repeat(fields - 1);
        format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok")
    };
    for fields in [63, 64, 65, 101, 300, FIELDS_MAX] {
        let expected = Ok(Some(answer(200, true, 2)));
        assert_eq!(feed(&[with(fields).as_bytes()]), expected, "{fields}");
    }
    let error = feed(&[with(FIELDS_MAX + 1).as_bytes()]).unwrap_err();
    let limit = format!("over {FIELDS_MAX} header fields");
    assert!(error.reason.contains(&limit), "{}", error.reason);
}

#[test]
fn a_folded_field_is_read_as_one() {
    let bytes = "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nok";
    assert_eq!(feed(&[bytes.as_bytes()]), Ok(Some(answer(200, true, 2))));
}

#[test]
fn an_answer_to_head_has_no_body_whatever_its_fields_say() {
    for fields in [
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "",
    ] {
        let mut response = Response::default();
        response.reset(true);
        let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let answer = response.feed(head.as_bytes()).unwrap().unwrap();
        assert_eq!((answer.status, answer.body_bytes), (200, 0), "{fields}");
    }
}
