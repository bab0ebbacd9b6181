//! How a run ends where the server does not answer or goes away.

use super::*;

#[test]
fn the_time_limit_holds_where_no_connection_comes_about() {
    let (listener, _filling) = full_listener();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for listener in [&listener, &silent] {
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let given = [
            &url,
            "-d",
            "500ms",
            "-c",
            "2",
            "--timeout",
            "600s",
            "--json",
        ];
        let output = finish(start(load(&given)));
        let report = parse(&output);
        assert_eq!(output.status.code(), Some(1), "{report:#}");
        assert_eq!(number(&report["in_flight_at_stop"]), 2, "{report:#}");
        assert_eq!(marks(&report)[0], "nothing-measured", "{report:#}");
    }
}

#[test]
fn ctrl_c_ends_a_run_that_waits_for_its_first_connection() {
    let (listener, _filling) = full_listener();
    let address = listener.local_addr().unwrap();
    let url = format!("http://{address}/");
    let child = start(load(&[
        &url,
        "-d",
        "1h",
        "-c",
        "1",
        "--timeout",
        "600s",
        "--json",
    ]));
    // The state 02 is SYN_SENT (proc(5)).
    let sent = format!("0100007F:{:04X} 02", address.port());
    let deadline = Instant::now() + DEADLINE;
    while !std::fs::read_to_string("/proc/net/tcp")
        .unwrap()
        .contains(&sent)
    {
        assert!(Instant::now() < deadline, "no SYN was sent");
        thread::sleep(Duration::from_millis(5));
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
    let report = parse(&finish(child));
    assert_eq!(report["interrupted"], true, "{report:#}");
}

#[test]
fn a_run_ends_soon_after_the_server_has_gone() {
    for amount in [["-n", "100000000"], ["-d", "1h"]] {
        let server = Mortal::start();
        let given = [&server.url(), amount[0], amount[1], "-c", "8", "--json"];
        let child = start(load(&given));
        server.wait_for_answers(100);
        server.die();
        let output = finish(child);
        let report = parse(&output);
        assert_eq!(output.status.code(), Some(1), "{report:#}");
        assert_eq!(report["ended"], "server_gone", "{report:#}");
        assert!(number(&report["requests"]) >= 92, "{report:#}");
        assert!(report["gone_since_s"].as_f64().unwrap() > 0.0, "{report:#}");
        assert!(marks(&report).contains(&"server-gone"), "{report:#}");
    }
}

#[test]
fn a_server_that_goes_before_the_end_is_told_with_its_time() {
    let server = Mortal::start();
    // The run ends before the server counts as gone, and the report still says so.
    let given = [&server.url(), "-d", "2s", "-c", "2", "--gone-after", "1h"];
    let child = start(load(&given));
    server.wait_for_answers(10);
    server.die();
    let output = finish(child);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = text_of(&output).replace("\n  ", " ");
    assert!(
        text.contains("the server has gone: the last answer came"),
        "{text}"
    );
}

#[test]
fn requests_in_flight_at_the_end_are_told_and_the_percentiles_that_they_raise() {
    let answered = AtomicUsize::new(0);
    let server = Server::start(move |mut client| {
        while client.read_request().is_some() {
            if answered.fetch_add(1, Relaxed) >= 40 {
                return client.hang();
            }
            client.send(OK);
        }
    });
    let output = finish(start(load(&[
        &server.url(),
        "-c",
        "4",
        "-d",
        "3s",
        "--json",
    ])));
    let report = parse(&output);
    assert_eq!(number(&report["in_flight_at_stop"]), 4, "{report:#}");
    let at_least = report["response_at_least_us"]["max"].as_f64().unwrap();
    let longest = report["response_us"]["max"].as_f64().unwrap();
    assert!(at_least > longest, "{report:#}");
    // The histogram keeps three digits, and so does its bound.
    let oldest = report["oldest_pending_us"].as_f64().unwrap();
    assert!((at_least / oldest - 1.0).abs() < 0.01, "{report:#}");
    assert!(marks(&report).contains(&"lower-bounds"), "{report:#}");

    let output = finish(start(load(&[&server.url(), "-c", "4", "-d", "300ms"])));
    let text = text_of(&output).replace("\n  ", " ");
    assert!(
        text.contains("+ 4 in flight at the end, the oldest for"),
        "{text}"
    );
}
