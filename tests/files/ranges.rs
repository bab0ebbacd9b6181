//! Range requests.

use crate::fixture::Fixture;

pub(crate) fn one_range_is_one_part(model: &str) {
    let files = Fixture::start(model);
    files.write("ten.txt", b"0123456789");
    for (range, status, content_range, body) in [
        ("bytes=0-0", 206, Some("bytes 0-0/10"), "0"),
        ("bytes=2-4", 206, Some("bytes 2-4/10"), "234"),
        ("bytes=7-", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=7-99", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=-3", 206, Some("bytes 7-9/10"), "789"),
        ("bytes=-99", 206, Some("bytes 0-9/10"), "0123456789"),
        (
            "bytes=0-99999999999999999999",
            206,
            Some("bytes 0-9/10"),
            "0123456789",
        ),
        ("bytes=10-", 416, Some("bytes */10"), ""),
        ("bytes=-0", 416, Some("bytes */10"), ""),
        ("bytes=99999999999999999999-", 416, Some("bytes */10"), ""),
        ("bytes=4-2", 200, None, "0123456789"),
        ("bytes=0-1,4-5", 200, None, "0123456789"),
        ("bytes=x", 200, None, "0123456789"),
        ("lines=1-2", 200, None, "0123456789"),
    ] {
        let answer = files.get("/files/ten.txt", &[&format!("Range: {range}")]);
        assert_eq!(answer.status(), status, "{range}");
        assert_eq!(answer.field("Content-Range"), content_range, "{range}");
        if status != 416 {
            assert_eq!(answer.text(), body, "{range}");
            assert_eq!(
                answer.field("Content-Type"),
                Some("text/plain; charset=utf-8")
            );
            assert!(answer.field("ETag").is_some() && answer.field("Last-Modified").is_some());
        }
    }
    let twice = files.get("/files/ten.txt", &["Range: bytes=0-1", "Range: bytes=2-3"]);
    assert_eq!(twice.status(), 200);
}

/// RFC 9110 §14.2: Range is defined for GET alone.
pub(crate) fn a_head_ignores_ranges(model: &str) {
    let files = Fixture::start(model);
    files.write("ten.txt", b"0123456789");
    for range in ["Range: bytes=2-4", "Range: bytes=10-"] {
        let answer = files.ask("HEAD", "/files/ten.txt", &[range]);
        assert_eq!(answer.status(), 200, "{range}");
        assert_eq!(answer.field("Content-Length"), Some("10"));
        assert_eq!(answer.field("Content-Range"), None);
    }
}

/// An interrupted download continues where it ended. The parts are larger than a socket's buffer.
pub(crate) fn halves_make_a_whole(model: &str) {
    let files = Fixture::start(model);
    let content: Vec<u8> = (0..5_000_000u32).map(|at| (at * 7 / 3) as u8).collect();
    files.write("big.bin", &content);
    let tag = files.ask("HEAD", "/files/big.bin", &[]);
    let same = format!("If-Range: {}", tag.field("ETag").unwrap());
    let part = |range: &str| {
        let answer = files.get("/files/big.bin", &[&same, &format!("Range: bytes={range}")]);
        assert_eq!(answer.status(), 206, "{range}");
        answer.body
    };
    let both = [part("0-2345677"), part("2345678-")].concat();
    assert!(both == content, "{} bytes came back", both.len());
    assert!(files.get("/files/big.bin", &[]).body == content);
}
