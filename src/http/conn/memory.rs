//! Tests that the memory of a connection keeps to the bound of [`Limits::memory_max`].

use proptest::collection::vec;
use proptest::prelude::*;

use super::Conn;
use crate::http::Limits;
use crate::http::head::Field;
use crate::http::tests::harness::{Wire, Witness};

impl Conn<'_> {
    /// Bytes on the heap, without the content of an answer, which the handler allocated.
    fn on_heap(&self) -> usize {
        let head = &self.head;
        let spilled = |spilled: bool, bytes: usize| if spilled { bytes } else { 0 };
        self.input.on_heap()
            + self.body.capacity()
            + spilled(head.bytes.spilled(), head.bytes.capacity())
            + spilled(
                head.fields.spilled(),
                head.fields.capacity() * size_of::<Field>(),
            )
            + spilled(self.out.spilled(), self.out.capacity())
    }
}

/// A stream of requests, each of which fills another buffer far.
fn greedy() -> impl Strategy<Value = Vec<u8>> {
    let length = 0usize..12_000;
    let part = prop_oneof![
        length
            .clone()
            .prop_map(|n| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "p".repeat(n))),
        (0usize..300, 0usize..200).prop_map(|(count, n)| {
            let fields = format!("X: {}\r\n", "f".repeat(n)).repeat(count);
            format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
        }),
        length.clone().prop_map(|n| {
            let body = "b".repeat(n * 10);
            format!(
                "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
                n * 10
            )
        }),
        (1usize..5000, 1usize..20).prop_map(|(n, times)| {
            let chunks =
                format!("{n:x};{}\r\n{}\r\n", "e".repeat(n % 249 + 1), "c".repeat(n)).repeat(times);
            let head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
            format!("{head}{chunks}0\r\nT: {}\r\n\r\n", "t".repeat(n))
        }),
        // A head that never ends.
        length.prop_map(|n| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "f".repeat(n))),
    ];
    vec(part, 1..6).prop_map(|parts| parts.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_client_makes_a_connection_grow_beyond_the_limits(
        stream in greedy(),
        step in 1usize..5000,
        small in any::<bool>(),
    ) {
        let mut limits = Limits::default();
        if small {
            limits = Limits {
                request_line: 100,
                field_line: 50,
                fields_total: 200,
                body: 3000,
                ..limits
            };
        }
        let witness = Witness::default();
        let mut wire = Wire::new(&limits, &witness);
        for piece in stream.chunks(step) {
            wire.feed(piece);
            prop_assert!(wire.conn.on_heap() <= limits.memory_max());
            if wire.conn.is_idle() && wire.conn.answered() > 0 {
                prop_assert_eq!(wire.conn.on_heap(), 0, "an idle connection keeps nothing");
            }
        }
    }
}

/// A `Vec` that grows by itself could take twice as much.
#[test]
fn a_body_takes_no_more_than_its_limit() {
    let limits = Limits {
        body: 1_000_000,
        ..Limits::default()
    };
    for framing in [
        "Content-Length: 1000000\r\n\r\nbbb",
        "Transfer-Encoding: chunked\r\n\r\nf423c\r\n",
    ] {
        let witness = Witness::default();
        let mut wire = Wire::new(&limits, &witness);
        wire.feed(format!("PUT / HTTP/1.1\r\nHost: a\r\n{framing}").as_bytes());
        for _ in 0..99 {
            wire.feed(&[b'b'; 10_000]);
        }
        assert_eq!(wire.conn.answered(), 0);
        assert!(wire.conn.body.capacity() <= 1_000_000, "{framing}");
    }
}

/// Memory grows as bytes arrive: a client that only declares a length costs little.
#[test]
fn a_declared_length_is_not_believed_before_it_arrives() {
    let (limits, witness) = (Limits::default(), Witness::default());
    let mut wire = Wire::new(&limits, &witness);
    wire.feed(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    wire.feed(b"b");
    assert!(wire.conn.on_heap() < 100_000);
}
