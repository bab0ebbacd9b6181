//! Ranges of small files, mostly of one with ten bytes.

use super::*;

const HUGE: &str = "99999999999999999999999";

fn bytes(first: u64, last: u64) -> Part {
    Part::Bytes { first, last }
}

#[test]
fn one_range_selects_its_bytes() {
    for (range, part) in [
        ("0-0", bytes(0, 0)),
        ("0-9", bytes(0, 9)),
        ("3-5", bytes(3, 5)),
        ("3-10", bytes(3, 9)),
        ("9-9", bytes(9, 9)),
        ("9-", bytes(9, 9)),
        ("0-", bytes(0, 9)),
        ("-1", bytes(9, 9)),
        ("-10", bytes(0, 9)),
        ("-11", bytes(0, 9)),
        ("007-08", bytes(7, 8)),
        (&format!("2-{HUGE}"), bytes(2, 9)),
        (&format!("-{HUGE}"), bytes(0, 9)),
    ] {
        let field = format!("bytes={range}");
        assert_eq!(Part::select(field.as_bytes(), 10), part, "{range}");
    }
}

#[test]
fn what_lies_behind_the_end_is_unsatisfiable() {
    for range in [
        "10-",
        "10-11",
        "-0",
        &format!("{HUGE}-"),
        &format!("{HUGE}-{HUGE}"),
    ] {
        let field = format!("bytes={range}");
        assert_eq!(
            Part::select(field.as_bytes(), 10),
            Part::Unsatisfiable,
            "{range}"
        );
    }
}

#[test]
fn an_empty_file_has_no_byte_to_select() {
    assert_eq!(Part::select(b"bytes=0-", 0), Part::Unsatisfiable);
    assert_eq!(Part::select(b"bytes=-0", 0), Part::Unsatisfiable);
    assert_eq!(Part::select(b"bytes=-5", 0), Part::Whole);
}

#[test]
fn the_unit_is_bytes_in_any_case() {
    assert_eq!(Part::select(b"Bytes=1-2", 10), bytes(1, 2));
    assert_eq!(Part::select(b"items=1-2", 10), Part::Whole);
}

#[test]
fn what_is_malformed_or_more_than_one_range_is_ignored() {
    for range in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5",
        "bytes=a-b",
        "bytes=0-b",
        "bytes=5-4",
        "bytes=20-19",
        "bytes=+1-2",
        "bytes=1-+2",
        "bytes=--1",
        "bytes=1-2-3",
        "bytes=0x1-2",
        "bytes =1-2",
        "bytes= 1-2",
        "bytes=1 -2",
        "bytes=1- 2",
        " bytes=1-2",
        "=1-2",
        "1-2",
        "bytes=0-1,3-4",
        "bytes=0-1,",
        "bytes=,0-1",
        "bytes=0-1, -1",
        "bytes:0-1",
        "bytes 0-1",
    ] {
        assert_eq!(Part::select(range.as_bytes(), 10), Part::Whole, "{range}");
    }
    assert_eq!(Part::select(b"bytes=\xff-2", 10), Part::Whole);
}

/// All ranges of small numbers in all small files: the selected part lies in the file.
#[test]
fn nothing_outside_the_file_is_ever_selected() {
    for size in 0..6u64 {
        for first in 0..8u64 {
            for last in 0..8u64 {
                let field = format!("bytes={first}-{last}");
                let expected = if last < first {
                    Part::Whole
                } else if first >= size {
                    Part::Unsatisfiable
                } else {
                    bytes(first, last.min(size - 1))
                };
                assert_eq!(
                    Part::select(field.as_bytes(), size),
                    expected,
                    "{field} of {size}"
                );
            }
        }
    }
}
