//! The counts equal what clients saw.

use crate::support::server::Server;
use crate::support::wire::{self, read_answer};
use crate::support::{proc, wait_for};
use crate::{for_every_model, get, hold, report};
use servers::scoreboard::{State, View};
use servers::status::{Report, Source};
use servers::sys::clock;

for_every_model! {
    counts_equal_what_the_client_did,
    a_request_in_flight_shows_with_its_client,
    connections_that_wait_to_be_accepted_are_counted,
    within_a_sandbox_the_queue_and_the_clients_are_seen,
}

fn counts_equal_what_the_client_did(model: &str) {
    // The helper reads an answer byte by byte, which takes long on a busy machine.
    let options = ["--workers", "3", "--keep-alive-timeout", "60s"];
    let server = Server::start(model, &options);
    let (mut requests, mut connections, mut bytes) = (0, 0, 0);
    for round in 1..=6 {
        let client = server.connect();
        connections += 1;
        for number in 0..round {
            wire::get(&client, ["/", "/bytes?n=17000", "/nowhere"][number % 3]);
            let answer = read_answer(&client);
            requests += 1;
            bytes += answer
                .lines
                .iter()
                .map(|line| line.len() + 2)
                .sum::<usize>()
                + 2;
            bytes += answer.body.len();
        }
    }
    // A refused request counts as answered.
    let client = server.connect();
    wire::send(&client, b"nonsense\r\n\r\n");
    let (answer, _) = wire::read_to_end(&client);
    (requests, connections, bytes) = (requests + 1, connections + 1, bytes + answer.len());
    let expected = (requests, connections, bytes as u64);
    // The worker counts the last bytes just after it has sent them.
    wait_for("the counts are those of the client", || {
        let report = report(&server);
        (report.requests, report.connections, report.bytes) == expected
    });
    let report = report(&server);
    let sum: u64 = report.workers.iter().map(|it| it.requests).sum();
    assert_eq!(sum, requests);
    assert_eq!(report.requests, requests);
    wait_for("all connections have ended", || {
        let report = crate::report(&server);
        report.open == 0 && report.busy == 0
    });
}

fn a_request_in_flight_shows_with_its_client(model: &str) {
    let server = Server::start(model, &["--workers", "2", "--max-wait", "1000s"]);
    let client = hold(&server);
    let address = client.local_addr().unwrap().to_string();
    wait_for("a worker is at work on it", || report(&server).busy >= 1);
    let report = report(&server);
    let worker = report.workers.iter().find(|it| it.state == 'W').unwrap();
    assert_eq!(
        worker.request.as_deref(),
        Some("GET /sleep?ms=1000000 HTTP/1.1")
    );
    assert_eq!(worker.client, Some(address));
    assert_eq!(report.open, 1);
    assert!(worker.state_s.is_some_and(|it| it >= 0.0));
    assert!(
        server
            .tree()
            .iter()
            .any(|it| it.pid.cast_unsigned() == worker.pid)
    );
}

/// The only worker is held, so no worker could answer a request for the status.
fn connections_that_wait_to_be_accepted_are_counted(model: &str) {
    let options = ["--workers", "1", "--backlog", "7", "--max-wait", "1000s"];
    let server = Server::start(model, &options);
    assert_eq!(report(&server).queue.unwrap().limit % 7, 0);
    if !["iterative", "prefork"].contains(&model) {
        return; // The other models accept while they serve a client.
    }
    let held = hold(&server);
    let waiting: Vec<_> = (0..3).map(|_| server.connect()).collect();
    wait_for("three wait", || report(&server).queue.unwrap().length == 3);
    drop((held, waiting));
}

#[test]
fn a_backlog_beyond_what_the_kernel_allows_is_what_it_allows() {
    let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let allowed: u64 = allowed.trim().parse().unwrap();
    for options in [&["--backlog", "2147483647"][..], &["--backlog", "65536"]] {
        let server = Server::start("iterative", options);
        let limit = report(&server).queue.unwrap().limit;
        assert_eq!(limit, allowed.min(options[1].parse().unwrap()));
    }
}

#[test]
fn cpu_time_only_ever_grows_and_children_count() {
    let server = Server::start("fork", &[]);
    let mut last = 0.0;
    for _ in 0..10 {
        get(&server, "/cpu?ms=30");
        let text = get(&server, "/status?auto").text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("CPUSeconds: "));
        let now: f64 = line.unwrap().parse().unwrap();
        assert!(now >= last, "{last} s, then {now} s");
        last = now;
    }
    assert!(last >= 0.2, "{last} s after ten times 30 ms");
    // `/proc` rounds each time of each process down to a tick of 10 ms.
    let rounded = 0.04 * server.tree().len() as f64 + 0.01;
    assert!(proc::cpu_seconds(server.pid()) + rounded >= last);
}

/// Each worker has used less CPU time than one tick of `/proc/PID/stat`.
#[test]
fn a_little_work_of_many_workers_adds_up() {
    let server = Server::start("prefork", &["--workers", "40"]);
    let used = |server: &Server| -> f64 {
        let report = report(server);
        let workers: Vec<f64> = report.workers.iter().filter_map(|it| it.cpu_s).collect();
        assert!(workers.iter().all(|&it| it > 0.0), "{workers:?}");
        let sum: f64 = workers.iter().sum();
        assert!(report.cpu_s.unwrap() >= sum);
        sum
    };
    wait_for("all are there", || report(&server).idle == 40);
    let before = used(&server);
    for _ in 0..400 {
        get(&server, "/");
    }
    let grown = used(&server) - before;
    assert!(grown > 0.0, "{before} s and no more");
}

/// Memory that processes share counts once. The sum of their sizes would be many times as much.
#[test]
fn memory_that_is_shared_counts_once() {
    let options = ["--preload", "32", "--workers", "4"];
    let server = Server::start("prefork", &options);
    wait_for("all are there", || report(&server).idle == 4);
    let mib = 1024.0 * 1024.0;
    wait_for("the preloaded memory counts once", || {
        let report: Report = serde_json::from_slice(&get(&server, "/status?json").body).unwrap();
        (32.0..64.0).contains(&(report.pss_bytes.unwrap() as f64 / mib))
    });
    let auto = get(&server, "/status?auto").text();
    assert!(auto.contains("\nPssBytes: "), "{auto}");
    let metrics = get(&server, "/metrics").text();
    assert!(metrics.contains("\nservers_memory_pss_bytes "), "{metrics}");
    let page = get(&server, "/status").text();
    let memory = page.split("<dt>memory</dt><dd>").nth(1).unwrap();
    assert!(
        memory.split("</dd>").next().unwrap().contains("MB"),
        "{page}"
    );
    let frame = crate::top::once(&server, &["--width", "120"]);
    assert!(frame.contains("   PSS "), "{frame}");
}

/// A worker in a sandbox cannot open files of `/proc`, but it can read those opened before.
fn within_a_sandbox_the_queue_and_the_clients_are_seen(model: &str) {
    let server = Server::start(model, &["--workers", "3", "--sandbox"]);
    let client = server.connect();
    let address = client.local_addr().unwrap().to_string();
    wire::get_and_close(&client, "/status?json");
    let (bytes, _) = wire::read_to_end(&client);
    let answer = wire::Answer::take(&mut &bytes[..], false).unwrap();
    let told: Report = serde_json::from_slice(&answer.body).unwrap();
    // A reader outside the sandbox may open all files.
    let seen = report(&server);
    assert_eq!(told.queue.map(|it| it.limit), seen.queue.map(|it| it.limit));
    assert!(told.queue.is_some() && told.cpu_s.is_some_and(|it| it > 0.0));
    let own = told.workers.iter().find(|it| it.state == 'W').unwrap();
    assert_eq!(own.client, Some(address));
}

#[test]
fn within_a_sandbox_connections_that_wait_are_counted() {
    let options = ["--workers", "1", "--sandbox", "--max-wait", "1000s"];
    let server = Server::start("prefork", &options);
    let waiting: Vec<_> = (0..4).map(|_| server.connect()).collect();
    wait_for("one is served and three wait", || {
        report(&server).queue.unwrap().length == 3
    });
    wire::get_and_close(&waiting[0], "/status?json");
    let (bytes, _) = wire::read_to_end(&waiting[0]);
    let answer = wire::Answer::take(&mut &bytes[..], false).unwrap();
    let told: Report = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(told.queue.unwrap().length, 3);
}

/// A report takes time to make: it looks at each process. The age of a state must be that at the
/// start of the report. The test compares where, within the time of a report, its clock was read.
#[test]
fn the_age_of_a_state_does_not_include_the_making_of_the_report() {
    let options = ["--workers", "60", "--max-wait", "1000s"];
    let server = Server::start("prefork", &options);
    let held = hold(&server);
    wait_for("a worker is busy", || report(&server).busy == 1);
    let pid = server.pid().cast_unsigned();
    let view = View::of_process(pid).unwrap();
    let source = Source::of_process(pid).unwrap();
    let records = view.records();
    let since_us = records.iter().find(|it| it.state == State::Responding);
    let since_us = since_us.unwrap().since_us;
    // More than half of the reports, in case that the test is interrupted during some.
    let is_early = |_: &i32| {
        let began_us = clock::monotonic_us();
        let report = source.report();
        let ended_us = clock::monotonic_us();
        let worker = report.workers.iter().find(|it| it.state == 'W').unwrap();
        let read_us = since_us + (worker.state_s.unwrap() * 1e6).round() as u64;
        assert!((began_us..=ended_us).contains(&read_us));
        read_us - began_us < ended_us - read_us
    };
    assert!((0..40).filter(is_early).count() > 20);
    drop(held);
}

#[test]
fn a_client_too_many_is_counted() {
    for model in ["fork", "threaded"] {
        let options = ["--max-connections", "1", "--max-wait", "1000s"];
        let server = Server::start(model, &options);
        let held = hold(&server);
        assert_eq!(get(&server, "/").status(), 503);
        assert_eq!(get(&server, "/").status(), 503);
        assert_eq!(report(&server).rejected, 2);
        drop(held);
    }
}
