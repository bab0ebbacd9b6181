//! Headers of the PROXY protocol, alone and in front of a request.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::http::tests::harness::{Wire, Witness};
use crate::http::{Limits, Want};

fn binary_header(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length, addresses].concat()
}

/// Headers that are right, with their client.
fn right() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let v4 = [192, 0, 2, 7, 10, 0, 0, 1, 0xc8, 0x22, 0, 80];
    let mut v6 = [0; 36];
    v6[..2].copy_from_slice(&[0x20, 0x01]);
    v6[15] = 7;
    v6[32..34].copy_from_slice(&[0xc8, 0x22]);
    let more = [&v4[..], b"\x04\x00\x02ab"].concat();
    vec![
        (
            b"PROXY TCP4 192.0.2.7 10.0.0.1 51234 80\r\n".to_vec(),
            Some("192.0.2.7:51234"),
        ),
        (
            b"PROXY TCP6 2001::7 ::1 51234 80\r\n".to_vec(),
            Some("[2001::7]:51234"),
        ),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
        (b"PROXY UNKNOWN any thing at all\r\n".to_vec(), None),
        (binary_header(0x21, 0x11, &v4), Some("192.0.2.7:51234")),
        (binary_header(0x21, 0x11, &more), Some("192.0.2.7:51234")),
        (binary_header(0x21, 0x21, &v6), Some("[2001::7]:51234")),
        (binary_header(0x20, 0x00, b""), None),
        (binary_header(0x20, 0x11, &v4), None),
        (binary_header(0x21, 0x00, b"what"), None),
        (binary_header(0x21, 0x31, &[b'a'; 216]), None),
    ]
}

#[test]
fn headers_of_both_versions_name_the_client() {
    for (bytes, client) in right() {
        let client = client.map(|it| it.parse().unwrap());
        let length = bytes.len();
        let header = Header { length, client };
        assert_eq!(parse(&bytes), Ok(Some(header)), "{}", bytes.escape_ascii());
        let followed = [&bytes[..], b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(parse(&followed), Ok(Some(header)));
        for end in 0..length {
            assert_eq!(
                parse(&bytes[..end]),
                Ok(None),
                "{}",
                bytes[..end].escape_ascii()
            );
        }
    }
}

#[test]
fn what_is_no_header_is_refused() {
    let long = format!("PROXY UNKNOWN {}", "x".repeat(TEXT_MAX));
    let texts = [
        "GET / HTTP/1.1\r\n",
        "PROXYTCP4",
        "proxy TCP4 192.0.2.7 10.0.0.1 1 2\r\n",
        "PROXY \r\n",
        "PROXY UNKNOWN\n",
        "PROXY TCP4\r\n",
        "PROXY TCP5 192.0.2.7 10.0.0.1 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 1 2 3\r\n",
        "PROXY TCP4 192.0.2.7  10.0.0.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 +1 2\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 01 2\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 65536 2\r\n",
        "PROXY TCP4 192.0.2.07 10.0.0.1 1 2\r\n",
        &long,
    ];
    for text in texts {
        assert!(parse(text.as_bytes()).is_err(), "{text}");
    }
    for bytes in [
        binary_header(0x11, 0x11, &[0; 12]),
        binary_header(0x22, 0x11, &[0; 12]),
        binary_header(0x21, 0x12, &[0; 12]),
        binary_header(0x21, 0x41, &[0; 12]),
        binary_header(0x21, 0x11, &[0; 11]),
        binary_header(0x21, 0x21, &[0; 35]),
        binary_header(0x21, 0x11, &[0; BINARY_MAX]),
    ] {
        assert!(parse(&bytes).is_err(), "{}", bytes.escape_ascii());
    }
}

/// What came of a stream: the answers, the client, and whether the connection was refused.
fn outcome(pieces: &[&[u8]]) -> (Vec<u8>, Option<SocketAddr>, Option<&'static str>) {
    let limits = Limits {
        proxy_header: true,
        ..Limits::default()
    };
    let witness = Witness::default();
    let mut wire = Wire::new(&limits, &witness);
    pieces.iter().for_each(|piece| wire.feed(piece));
    let (client, fault) = (wire.conn.client(), wire.conn.proxy_fault());
    (wire.sent.answers, client, fault)
}

#[test]
fn a_header_may_be_cut_anywhere() {
    for (header, client) in right() {
        let stream = [&header[..], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"].concat();
        let whole = outcome(&[&stream]);
        assert!(whole.0.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert_eq!(whole.1, client.map(|it| it.parse().unwrap()));
        for at in 0..stream.len() {
            let (start, end) = stream.split_at(at);
            assert_eq!(outcome(&[start, end]), whole);
        }
        assert_eq!(outcome(&stream.chunks(1).collect::<Vec<_>>()), whole);
    }
}

/// Without an answer: the balancer has not been told what it speaks to.
#[test]
fn a_connection_without_a_header_is_closed() {
    for stream in [&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], b"PROXY\n"] {
        let (answers, client, fault) = outcome(&[stream]);
        assert_eq!((answers.as_slice(), client), (&b""[..], None));
        assert_eq!(fault, Some("no PROXY header"));
    }
    // One header is enough: a second one is no request.
    let header = b"PROXY UNKNOWN\r\n";
    let (answers, ..) = outcome(&[header, header]);
    assert!(answers.starts_with(b"HTTP/1.1 400 "));
}

#[test]
fn a_header_has_the_time_of_a_head_and_a_silent_connection_is_no_fault() {
    let limits = Limits {
        proxy_header: true,
        ..Limits::default()
    };
    for (begun, fault) in [
        (&b""[..], None),
        (b"PROXY TCP4 ", Some("a late PROXY header")),
    ] {
        let witness = Witness::default();
        let mut wire = Wire::new(&limits, &witness);
        wire.feed(begun);
        wire.wait(limits.head_time / 2);
        assert_eq!(wire.conn.want(), Want::Read);
        wire.wait(limits.head_time / 2);
        assert_eq!(wire.conn.want(), Want::Close);
        assert_eq!(wire.conn.proxy_fault(), fault);
        assert_eq!(wire.sent.answers, b"");
    }
}

proptest! {
    /// A longer input never takes back what a shorter one has decided.
    #[test]
    fn more_bytes_change_no_decision(
        which in 0usize..11,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        rest in vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = right()[which].0.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.extend(rest);
        let mut decided = None;
        for end in 0..=bytes.len() {
            let now = parse(&bytes[..end]);
            if let Some(decided) = &decided {
                prop_assert_eq!(decided, &now);
            } else if now != Ok(None) {
                decided = Some(now);
            }
        }
    }
}
