//! How runs end, and what they report.

use super::*;

#[test]
fn exactly_so_many_requests_are_sent() {
    let server = Server::answering(OK);
    for (connections, threads, requests) in [("7", "3", 100), ("64", "2", 5)] {
        let (before, n) = (server.requests(), requests.to_string());
        let url = server.url();
        let given = [
            &url,
            "-c",
            connections,
            "--threads",
            threads,
            "-n",
            &n,
            "--json",
        ];
        let report = parse(&finish(start(load(&given))));
        assert_eq!(number(&report["requests"]), requests, "{report:#}");
        assert_eq!(server.requests() - before, requests as usize);
    }
}

#[test]
fn requests_in_flight_at_the_end_are_told_apart() {
    // Two connections never get an answer; the others do.
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |mut client| {
        if client.read_request().is_some() && asked.fetch_add(1, Relaxed) < 2 {
            return client.hang();
        }
        client.send(OK);
        while client.read_request().is_some() {
            client.send(OK);
        }
    });
    let given = [
        &server.url(),
        "-c",
        "5",
        "--threads",
        "2",
        "-d",
        "1s",
        "--json",
    ];
    let output = finish(start(load(&given)));
    let report = parse(&output);
    assert_eq!(number(&report["never_answered"]), 2, "{report:#}");
    assert_eq!(number(&report["in_flight_at_stop"]), 5, "{report:#}");
    assert_eq!(total(&report["errors"]), 0, "{report:#}");
    assert!(number(&report["requests"]) > 0, "{report:#}");
    assert!(output.status.success());
}

#[test]
fn json_has_every_figure_and_percentiles_are_in_order() {
    let (report, _) = measure(&Server::answering(OK), 50, &[]);
    let latency = &report["latency_us"];
    let at = |name: &str| latency[name].as_f64().unwrap();
    let figures = ["p50", "p90", "p99", "p999", "max"].map(at);
    assert!(figures.is_sorted() && figures[0] > 0.0, "{report:#}");
    assert!(at("mean") > 0.0 && at("mean") <= at("max"), "{report:#}");
    assert_eq!(report["connections"], 1);
    assert_eq!(report["bytes"], 50 * OK.len());
    assert_eq!(report["interrupted"], false);
    let (seconds, per_s) = (&report["duration_s"], &report["requests_per_s"]);
    let product = seconds.as_f64().unwrap() * per_s.as_f64().unwrap();
    assert!((product - 50.0).abs() < 1e-6, "{report:#}");
    assert!(
        report["generator_cpu_s"].as_f64().unwrap() > 0.0,
        "{report:#}"
    );
}

#[test]
fn a_signal_ends_the_run_with_what_was_measured() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let server = Server::answering(OK);
        let child = start(load(&[&server.url(), "-c", "2", "-d", "1h", "--json"]));
        let deadline = Instant::now() + DEADLINE;
        while server.requests() < 100 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        kill(Pid::from_raw(child.id() as i32), signal).unwrap();
        let output = finish(child);
        let report = parse(&output);
        assert_eq!(report["interrupted"], true);
        assert!(number(&report["requests"]) > 0, "{report:#}");
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn a_signal_in_the_warm_up_leaves_nothing_measured_and_says_so() {
    let server = Server::answering(OK);
    let child = start(load(&[&server.url(), "-c", "2", "--warmup", "1h"]));
    let deadline = Instant::now() + DEADLINE;
    while server.requests() < 10 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let output = finish(child);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).replace("\n  ", " ");
    let words = "nothing was measured: the run ended before its measurement began";
    assert!(text.contains(words), "{text}");
}
