//! Validators of a file, and conditional requests.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::fixture::{Fixture, MODIFIED, modified};
use crate::support::wire::{self, Answer};

const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

fn tag(answer: &Answer) -> String {
    answer.field("ETag").unwrap().to_owned()
}

pub(crate) fn a_file_says_which_version_it_is(model: &str) {
    let files = Fixture::start(model);
    files.write("page.html", b"<p>Hello</p>");
    let answer = files.get("/files/page.html", &[]);
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.body, b"<p>Hello</p>");
    for (field, expected) in [
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Length", "12"),
        ("Last-Modified", MODIFIED),
        ("Accept-Ranges", "bytes"),
        ("X-Content-Type-Options", "nosniff"),
    ] {
        assert_eq!(answer.field(field), Some(expected), "{field}");
    }
    let tag = tag(&answer);
    assert!(
        tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'),
        "{tag}"
    );

    let head = files.ask("HEAD", "/files/page.html", &[]);
    let fields = |answer: &Answer| {
        let mut lines = answer.lines.clone();
        lines.retain(|line| !line.starts_with("Date: "));
        lines
    };
    assert_eq!(fields(&head), fields(&answer));
}

pub(crate) fn conditions_decide_the_status(model: &str) {
    let files = Fixture::start(model);
    files.write("a.txt", b"text");
    let tag = tag(&files.get("/files/a.txt", &[]));
    for (fields, status) in [
        (vec![format!("If-None-Match: {tag}")], 304),
        (vec![format!("If-None-Match: W/{tag}")], 304),
        (vec![format!("if-none-match: \"x,y\", {tag}")], 304),
        (
            vec![
                "If-None-Match: \"x\"".into(),
                format!("If-None-Match: {tag}"),
            ],
            304,
        ),
        (vec!["If-None-Match: *".into()], 304),
        (vec!["If-None-Match: \"x\"".into()], 200),
        (vec![format!("If-Modified-Since: {MODIFIED}")], 304),
        (vec![format!("If-Modified-Since: {BEFORE}")], 200),
        (vec!["If-Modified-Since: soon".into()], 200),
        (
            vec![
                "If-None-Match: \"x\"".into(),
                format!("If-Modified-Since: {MODIFIED}"),
            ],
            200,
        ),
        (
            vec![
                format!("If-None-Match: {tag}"),
                format!("If-Modified-Since: {BEFORE}"),
            ],
            304,
        ),
        (vec![format!("If-Match: {tag}")], 200),
        (vec!["If-Match: *".into()], 200),
        (vec![format!("If-Match: W/{tag}")], 412),
        (vec!["If-Match: \"x\"".into()], 412),
        (vec![format!("If-Unmodified-Since: {MODIFIED}")], 200),
        (vec![format!("If-Unmodified-Since: {BEFORE}")], 412),
        (
            vec![
                format!("If-Match: {tag}"),
                format!("If-Unmodified-Since: {BEFORE}"),
            ],
            200,
        ),
        (
            vec!["If-Match: \"x\"".into(), "If-None-Match: *".into()],
            412,
        ),
        // A client that has this version needs no part of it, whether satisfiable or not.
        (
            vec![format!("If-None-Match: {tag}"), "Range: bytes=9-".into()],
            304,
        ),
    ] {
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        for method in ["GET", "HEAD"] {
            let answer = files.ask(method, "/files/a.txt", &fields);
            assert_eq!(answer.status(), status, "{method} {fields:?}");
        }
        // A file that does not exist has no versions (RFC 9110 §13.2.1).
        assert_eq!(
            files.get("/files/none", &fields).status(),
            404,
            "{fields:?}"
        );
    }
}

/// HTTP dates of this server begin in 1970. Two versions from before would share a date, and parts
/// of both could be put together.
pub(crate) fn a_file_from_before_1970_has_no_date(model: &str) {
    const START: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
    let files = Fixture::start(model);
    for (before_s, content) in [(100_000, &b"first"[..]), (50_000, b"other")] {
        let file = files.write("old.txt", content);
        let modified = SystemTime::UNIX_EPOCH - Duration::from_secs(before_s);
        file.set_modified(modified).unwrap();
        let whole = files.get("/files/old.txt", &[]);
        assert_eq!(whole.field("Last-Modified"), None);
        assert!(whole.field("ETag").is_some());
        for fields in [
            &[&format!("If-Range: {START}")[..], "Range: bytes=2-"][..],
            &[&format!("If-Modified-Since: {START}")],
            &[&format!("If-Modified-Since: {MODIFIED}")],
            &[&format!("If-Unmodified-Since: {START}")],
        ] {
            let answer = files.get("/files/old.txt", fields);
            assert_eq!(
                (answer.status(), &answer.body[..]),
                (200, content),
                "{fields:?}"
            );
        }
    }
}

pub(crate) fn an_answer_without_content_keeps_the_connection_in_step(model: &str) {
    let files = Fixture::start(model);
    files.write("a.txt", b"text");
    let client = files.server.connect();
    let request = "GET /files/a.txt HTTP/1.1\r\nHost: test\r\nIf-None-Match: *\r\n\r\n";
    wire::send(&client, request.as_bytes());
    let not_modified = wire::read_answer(&client);
    assert_eq!(not_modified.lines[0], "HTTP/1.1 304 Not Modified");
    assert_eq!(not_modified.field("Last-Modified"), Some(MODIFIED));
    assert!(not_modified.field("ETag").is_some());
    assert!(not_modified.field("Date").is_some());
    assert_eq!(not_modified.field("Content-Length"), None);
    assert_eq!(not_modified.field("Content-Type"), None);

    wire::get_and_close(&client, "/files/a.txt");
    let (bytes, _) = wire::read_to_end(&client);
    let answer = Answer::take(&mut &bytes[..], false).unwrap();
    assert_eq!((answer.status(), &answer.body[..]), (200, &b"text"[..]));
}

pub(crate) fn a_changed_file_is_another_version(model: &str) {
    let files = Fixture::start(model);
    files.write("a.txt", b"text");
    let old = tag(&files.get("/files/a.txt", &[]));
    // Replaced, as editors do it: another file of the same length and time.
    files.write("new", b"next");
    fs::rename(files.path("new"), files.path("a.txt")).unwrap();

    let answer = files.get("/files/a.txt", &[&format!("If-None-Match: {old}")]);
    assert_eq!((answer.status(), &answer.body[..]), (200, &b"next"[..]));
    let new = tag(&answer);
    assert_ne!(old, new);
    for (if_range, status, body) in [
        (&old, 200, "next"),
        (&new, 206, "xt"),
        (&format!("W/{new}"), 200, "next"),
        (&MODIFIED.to_owned(), 206, "xt"),
        (&BEFORE.to_owned(), 200, "next"),
    ] {
        let fields = [&format!("If-Range: {if_range}")[..], "Range: bytes=2-"];
        let answer = files.get("/files/a.txt", &fields);
        assert_eq!(
            (answer.status(), &answer.text()[..]),
            (status, body),
            "{if_range}"
        );
    }

    // Written in place: the same file with the same length, at another time.
    let file = files.write("a.txt", b"last");
    file.set_modified(modified() + Duration::from_nanos(1))
        .unwrap();
    assert_ne!(tag(&files.get("/files/a.txt", &[])), new);
}
