//! Which requests are sent, and over which connections.

use super::*;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};

/// A server that keeps the heads that it has read, and answers each.
fn recording() -> (Server, Arc<Mutex<Vec<String>>>) {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heads);
    let server = Server::start(move |mut client| {
        while let Some(head) = client.read_request() {
            let is_post = head.starts_with("POST");
            kept.lock().unwrap().push(head);
            if is_post {
                client.read_body(5);
            }
            client.send(OK);
        }
    });
    (server, heads)
}

#[test]
fn a_request_has_the_method_fields_and_body_that_were_given() {
    let (server, heads) = recording();
    let given = [
        "-X",
        "POST",
        "-H",
        "X-A: b",
        "--host",
        "example.org",
        "--body",
        "hello",
    ];
    assert_all_succeed(&server, 1, &given);
    let heads = heads.lock().unwrap();
    for part in [
        "POST / HTTP/1.1\r\n",
        "\r\nX-A: b\r\n",
        "\r\nHost: example.org\r\n",
        "\r\nContent-Length: 5\r\n",
    ] {
        assert!(heads[0].contains(part), "no {part:?} in {}", heads[0]);
    }
    assert_eq!(heads[0].matches("Host:").count(), 1, "{}", heads[0]);
}

#[test]
fn an_answer_to_head_has_no_body() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    assert_all_succeed(&Server::answering(head), 1, &["-X", "HEAD"]);
}

#[test]
fn the_expected_status_is_the_success() {
    let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    assert_all_succeed(&Server::answering(missing), 1, &["--status", "404"]);
    assert_all_fail(&Server::answering(OK), "status", &["--status", "204"]);
}

#[test]
fn a_workload_mixes_its_requests_by_weight() {
    let (server, heads) = recording();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("workload.toml");
    let text = "[[request]]\npath = '/often'\nweight = 3\n\
                [[request]]\npath = '/seldom'\nmethod = 'POST'\nbody = 'hello'\n";
    std::fs::write(&file, text).unwrap();
    let given = [
        &server.url(),
        "-n",
        "400",
        "-c",
        "2",
        "--workload",
        file.to_str().unwrap(),
    ];
    let report = parse(&finish(start(load(&[&given[..], &["--json"]].concat()))));
    assert_eq!(number(&report["requests"]), 400, "{report:#}");
    let mut paths = BTreeMap::<String, usize>::new();
    for head in heads.lock().unwrap().iter() {
        let path = head.split(' ').nth(1).unwrap();
        *paths.entry(path.to_owned()).or_default() += 1;
    }
    // The choice follows from the seed, so the result is always the same.
    assert!((270..330).contains(&paths["/often"]), "{paths:?}");
    assert_eq!(paths["/often"] + paths["/seldom"], 400);
}

#[test]
fn a_connection_carries_as_many_requests_as_it_may() {
    let (server, heads) = recording();
    let given = [
        &server.url(),
        "-n",
        "9",
        "-c",
        "1",
        "--requests-per-connection",
        "4",
        "--json",
    ];
    let report = parse(&finish(start(load(&given))));
    assert_eq!(number(&report["requests"]), 9, "{report:#}");
    assert_eq!(number(&report["connections_opened"]), 3, "{report:#}");
    let heads = heads.lock().unwrap();
    let last = |head: &String| head.contains("Connection: close\r\n");
    let last: Vec<usize> = (0..9).filter(|&index| last(&heads[index])).collect();
    assert_eq!(last, [3, 7]);
}

#[test]
fn clients_think_before_their_next_request() {
    let server = Server::answering(OK);
    let given = [
        &server.url(),
        "-c",
        "1",
        "-d",
        "500ms",
        "--think",
        "20ms",
        "--json",
    ];
    let report = parse(&finish(start(load(&given))));
    let requests = number(&report["requests"]);
    assert!((1..=26).contains(&requests), "{report:#}");
    let marks = report["marks"].to_string();
    assert!(!marks.contains("littles-law"), "{report:#}");
}

#[test]
fn a_unix_socket_is_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    assert!(buffer[..count].starts_with(b"GET /path HTTP/1.1\r\n"));
                    stream.write_all(OK).unwrap();
                }
            });
        }
    });
    let url = format!("unix:{}:/path", path.display());
    let report = parse(&finish(start(load(&[
        &url, "-n", "10", "-c", "2", "--json",
    ]))));
    assert_eq!(number(&report["requests"]), 10, "{report:#}");
    assert_eq!(report["address"], format!("unix:{}", path.display()));

    let nowhere = format!("unix:{}:/path", directory.path().join("none").display());
    let output = finish(start(load(&[&nowhere])));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("cannot reach unix:"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn slow_clients_are_there_beside_the_measured_ones() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let server = Server::start(move |mut client| {
        counted.fetch_add(1, Relaxed);
        while client.read_request().is_some() {
            client.send(OK);
        }
    });
    let given = [
        &server.url(),
        "-d",
        "500ms",
        "-c",
        "2",
        "--slow-clients",
        "6",
        "--json",
    ];
    let report = parse(&finish(start(load(&given))));
    assert_eq!(number(&report["connections_opened"]), 2, "{report:#}");
    let slow = &report["slow_clients"];
    assert_eq!(
        (number(&slow["wanted"]), number(&slow["opened"])),
        (6, 6),
        "{report:#}"
    );
    assert_eq!(connections.load(Relaxed), 8);
}

#[test]
fn too_many_errors_end_the_run() {
    let missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let server = Server::answering(missing);
    let given = [
        &server.url(),
        "-d",
        "1h",
        "-c",
        "2",
        "--max-errors",
        "1%",
        "--json",
    ];
    let output = finish(start(load(&given)));
    let report = parse(&output);
    assert_eq!(report["ended"], "too_many_errors", "{report:#}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn expectations_decide_the_exit_code() {
    let server = Server::answering(OK);
    for (expectations, code) in [
        (&["--expect", "p50<60s", "--expect", "errors<1%"][..], 0),
        (&["--expect", "p50<60s", "--expect", "max<1us"], 3),
        (&["--expect", "rate>100000000"], 3),
    ] {
        let given = [&server.url(), "-n", "100", "-c", "1"];
        let output = finish(start(load(&[&given[..], expectations].concat())));
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert_eq!(text.contains("NOT met"), code == 3, "{text}");
    }
}

#[test]
fn files_and_forms_of_output_agree() {
    let server = Server::answering(OK);
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (log, page) = (path("log.hlog"), path("page.html"));
    let given = [
        &server.url(),
        "-n",
        "300",
        "-c",
        "2",
        "--csv",
        "--hlog",
        &log,
    ];
    let output = finish(start(load(&[&given[..], &["--report", &page]].concat())));
    assert!(output.status.success(), "{output:?}");
    let csv = String::from_utf8(output.stdout).unwrap();
    let answered = csv
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(3).unwrap());
    let answered: u64 = answered.map(|digits| digits.parse::<u64>().unwrap()).sum();
    assert_eq!(answered, 300, "{csv}");
    assert_eq!(logged(&std::fs::read(&log).unwrap()), 300);
    let page = std::fs::read_to_string(page).unwrap();
    assert_eq!(page.matches("<svg").count(), 3, "{page}");
    assert!(page.contains("300 answered"), "{page}");
}

/// The number of values in an interval log.
fn logged(log: &[u8]) -> u64 {
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    let histograms = IntervalLogIterator::new(log).filter_map(|entry| match entry.unwrap() {
        LogEntry::Interval(interval) => Some(interval.encoded_histogram().to_owned()),
        _ => None,
    });
    let lengths = histograms.map(|text| {
        let bytes = base64_decoded(&text);
        let read: hdrhistogram::Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .unwrap();
        read.len()
    });
    lengths.sum()
}

/// Base64 (RFC 4648), without a crate.
fn base64_decoded(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for letter in text.bytes().filter(|byte| *byte != b'=') {
        let value = LETTERS.iter().position(|other| *other == letter).unwrap();
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
