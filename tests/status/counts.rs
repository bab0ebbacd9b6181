//! What is counted is what clients saw.

use crate::support::server::Server;
use crate::support::wire::{self, read_answer};
use crate::support::{proc, wait_for};
use crate::{for_every_model, get, hold, report};

for_every_model! {
    counts_equal_what_the_client_did,
    a_request_in_flight_shows_with_its_client,
    connections_that_wait_to_be_accepted_are_counted,
}

fn counts_equal_what_the_client_did(model: &str) {
    // Reading an answer octet by octet takes its time on a crowded machine.
    let options = ["--workers", "3", "--keep-alive-timeout", "60s"];
    let server = Server::start(model, &options);
    let (mut requests, mut connections, mut octets) = (0, 0, 0);
    for round in 1..=6 {
        let client = server.connect();
        connections += 1;
        for number in 0..round {
            wire::get(&client, ["/", "/bytes?n=17000", "/nowhere"][number % 3]);
            let answer = read_answer(&client);
            requests += 1;
            octets += answer
                .lines
                .iter()
                .map(|line| line.len() + 2)
                .sum::<usize>()
                + 2;
            octets += answer.body.len();
        }
    }
    // What is refused has been answered as well.
    let client = server.connect();
    wire::send(&client, b"nonsense\r\n\r\n");
    let (answer, _) = wire::read_to_end(&client);
    (requests, connections, octets) = (requests + 1, connections + 1, octets + answer.len());
    let expected = (requests, connections, octets as u64);
    // The last octets are counted right after they have gone out.
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

/// Nobody has to answer for that: the only worker is held.
fn connections_that_wait_to_be_accepted_are_counted(model: &str) {
    let options = ["--workers", "1", "--backlog", "7", "--max-wait", "1000s"];
    let server = Server::start(model, &options);
    assert_eq!(report(&server).queue.unwrap().limit % 7, 0);
    if !["iterative", "prefork"].contains(&model) {
        return; // The others accept while a client is being served.
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
    assert!(proc::cpu_seconds(server.pid()) >= last);
}

#[test]
fn a_client_too_many_is_counted() {
    for model in ["fork", "threaded"] {
        let options = ["--max-connections", "1", "--max-wait", "1000s"];
        let server = Server::start(model, &options);
        let held = hold(&server);
        assert_eq!(get(&server, "/").status(), 503);
        assert_eq!(get(&server, "/").status(), 503);
        assert_eq!(report(&server).turned_away, 2);
        drop(held);
    }
}
