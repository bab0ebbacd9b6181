//! Inputs that once failed, each with the right value.

use super::*;

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::Mutex;

use nix::sys::socket::{Backlog, Shutdown, listen, shutdown};
use servers::load::{self, Address, Amount, Plan, Target, Watch};

/// A server on a listener of the test's own, which can be taken away.
struct Mortal {
    address: SocketAddr,
    listener: TcpListener,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    accepted: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
}

impl Mortal {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            listener: listener.try_clone().unwrap(),
            streams: Arc::default(),
            accepted: Arc::default(),
            answered: Arc::default(),
        };
        let (streams, accepted) = (Arc::clone(&server.streams), Arc::clone(&server.accepted));
        let answered = Arc::clone(&server.answered);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                accepted.fetch_add(1, Relaxed);
                streams.lock().unwrap().push(stream.try_clone().unwrap());
                let answered = Arc::clone(&answered);
                thread::spawn(move || answer_all(stream, &answered));
            }
        });
        server
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn wait_for_answers(&self, count: usize) {
        let deadline = Instant::now() + DEADLINE;
        while self.answered.load(Relaxed) < count {
            assert!(Instant::now() < deadline, "no {count} answers");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Accepts no connection any more; those that exist stay.
    fn stop_accepting(&self) {
        shutdown(self.listener.as_raw_fd(), Shutdown::Both).unwrap();
    }

    fn die(&self) {
        self.stop_accepting();
        for stream in self.streams.lock().unwrap().iter() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn answer_all(mut stream: TcpStream, answered: &AtomicUsize) {
    let mut buffer = [0; 4096];
    while let Ok(1..) = std::io::Read::read(&mut stream, &mut buffer) {
        answered.fetch_add(1, Relaxed);
        if stream.write_all(OK).is_err() {
            return;
        }
    }
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn marks(report: &Value) -> Vec<&str> {
    let marks = report["marks"].as_array().unwrap();
    marks
        .iter()
        .map(|mark| mark["mark"].as_str().unwrap())
        .collect()
}

#[test]
fn requests_go_to_the_thread_that_can_send_them() {
    let (connections, quick) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&quick);
    let server = Server::start(move |mut client| {
        let is_quick = connections.fetch_add(1, Relaxed) == 0;
        while client.read_request().is_some() {
            match is_quick {
                true => drop(counted.fetch_add(1, Relaxed)),
                false => thread::sleep(Duration::from_millis(20)),
            }
            client.send(OK);
        }
    });
    let given = [
        &server.url(),
        "-n",
        "400",
        "-c",
        "2",
        "--threads",
        "2",
        "--json",
    ];
    let report = parse(&finish(start(load(&given))));
    assert_eq!(number(&report["requests"]), 400, "{report:#}");
    // Split in advance, each would have had 200.
    let quick = quick.load(Relaxed);
    assert!(quick > 250, "{quick} of 400");
}

#[test]
fn only_connections_that_measure_are_opened() {
    let server = Mortal::start();
    let given = [&server.url(), "-n", "50", "-c", "3", "--json"];
    let report = parse(&finish(start(load(&given))));
    assert_eq!(number(&report["requests"]), 50, "{report:#}");
    let accepted = server.accepted.load(Relaxed) as u64;
    assert_eq!(
        number(&report["connections_opened"]),
        accepted,
        "{report:#}"
    );
    assert_eq!(accepted, 3);
}

#[test]
fn a_server_that_takes_a_single_connection_can_be_measured() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        shutdown(listener.as_raw_fd(), Shutdown::Both).unwrap();
        answer_all(stream, &AtomicUsize::new(0));
    });
    let report = parse(&finish(start(load(&[
        &url, "-n", "5", "-c", "1", "--json",
    ]))));
    assert_eq!(number(&report["requests"]), 5, "{report:#}");
}

/// A listener whose accept queue is full, so that the kernel drops every SYN, with the connections
/// that fill it.
fn full_listener() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut filling = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        filling.push(stream);
    }
    (listener, filling)
}

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
    // The end comes before the server counts as gone, and it is told all the same.
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
    // The bound is a histogram's, which has three digits.
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

#[test]
fn every_address_of_a_name_is_tried() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        println!("no IPv6 here");
        return;
    };
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || answer_all(stream, &AtomicUsize::new(0)));
        }
    });
    let refusing = SocketAddr::from(([127, 0, 0, 1], address.port()));
    let (full, _filling) = full_listener();
    for other in [refusing, full.local_addr().unwrap()] {
        let target = Target {
            addresses: vec![Address::Inet(other), Address::Inet(address)],
            ..Target::at(other, "/")
        };
        let plan = Plan {
            amount: Amount::Requests(10),
            connections: 2,
            ..Plan::new(target)
        };
        let outcome = load::run(&plan, &Watch::default()).unwrap();
        assert_eq!(outcome.requests, 10, "{:?}", outcome.errors);
        assert_eq!(outcome.address, Some(Address::Inet(address)));
    }
}

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

/// In a network namespace of its own, which has three ports to connect from.
#[test]
fn ports_that_are_used_up_are_told_as_this_machines() {
    let script = format!(
        "ip link set lo up || exit 77
         echo '50000 50002' > /proc/sys/net/ipv4/ip_local_port_range || exit 77
         '{0}' run threaded --bind 127.0.0.1:8080 > /dev/null 2>&1 & server=$!
         for try in $(seq 500); do
             grep -q ':1F90 00000000:0000 0A' /proc/net/tcp && break; sleep 0.02
         done
         '{0}' load http://127.0.0.1:8080/ -c 8 -d 500ms --gone-after 1h
         code=$?; kill $server; exit $code",
        env!("CARGO_BIN_EXE_servers")
    );
    let mut command = Command::new("unshare");
    command.args(["--net", "--map-root-user", "sh", "-c", &script]);
    let output = finish(start(command));
    if output.status.code() == Some(77) || output.stdout.is_empty() {
        println!("no network namespace here: {output:?}");
        return;
    }
    let text = text_of(&output).replace("\n  ", " ");
    assert!(text.contains("local ports are used up"), "{text}");
    assert!(
        text.contains("TIME_WAIT") && text.contains("--sources"),
        "{text}"
    );
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
    let numbers: Vec<u64> = (line.split(['=', '+']))
        .map(|part| {
            part.chars()
                .filter(char::is_ascii_digit)
                .take(9)
                .collect::<String>()
        })
        .map(|digits| digits.parse().unwrap())
        .collect();
    let [attempted, answered, failed, ..] = numbers[..] else {
        panic!("{line}");
    };
    assert_eq!(attempted, answered + failed + 3, "{line}");
}
