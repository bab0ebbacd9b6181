//! What counts as an answer, what is refused before, and what the text says of it.

use super::*;

#[test]
fn answers_of_many_fields_are_read_up_to_the_limit_which_the_error_names() {
    let answer = |fields: usize| -> &'static [u8] {
        let lines = "X: y\r\n".repeat(fields);
        let text = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok");
        text.into_bytes().leak()
    };
    for fields in [101, 300] {
        assert_all_succeed(&Server::answering(answer(fields)), 1, &[]);
    }
    let (report, _) = measure(&Server::answering(answer(load::FIELDS_MAX)), 3, &[]);
    let reason = report["bad_response"].as_str().unwrap();
    assert!(reason.contains(&load::FIELDS_MAX.to_string()), "{reason}");
}

#[test]
fn a_folded_field_is_accepted() {
    let folded = b"HTTP/1.1 200 OK\r\nX: a\r\n  b\r\nContent-Length: 2\r\n\r\nok";
    assert_all_succeed(&Server::answering(folded), 1, &[]);
}

#[test]
fn ports_are_digits() {
    for (url, words) in [
        ("http://h::80/", "':80' is no port"),
        ("http://h:+80/", "'+80' is no port"),
    ] {
        let output = finish(start(load(&[url])));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(words), "{text}");
        assert_eq!(output.status.code(), Some(2), "{text}");
    }
}

#[test]
fn answers_that_are_all_errors_measure_nothing_and_the_sentence_says_why() {
    let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let server = Server::answering(missing);
    let output = finish(start(load(&[&server.url(), "-n", "5", "-c", "1"])));
    assert_eq!(output.status.code(), Some(1));
    let text = text_of(&output).replace("\n  ", " ");
    let words = "nothing was measured: every answer had a status that is no success (5 × 404)";
    assert!(text.contains(words), "{text}");
    assert!(!text.contains("Little"), "{text}");
}

#[test]
fn the_text_accounts_for_every_request() {
    let server = Server::answering(OK);
    let output = finish(start(load(&[&server.url(), "-c", "3", "-d", "300ms"])));
    let text = text_of(&output).replace("\n  ", " ");
    let line = text
        .lines()
        .find(|line| line.starts_with("attempted"))
        .unwrap();
    let count = |words: &str| -> u64 {
        let before = line.split(words).next().unwrap().trim_end();
        let figure = before.rsplit(' ').next().unwrap();
        figure.replace(',', "").parse().unwrap()
    };
    let in_flight = count("in flight at the end");
    assert_eq!(in_flight, 3, "{line}");
    let ended = count("answered") + count("failed");
    assert_eq!(count("="), ended + in_flight, "{line}");
}
