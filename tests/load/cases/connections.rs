//! Which connections are made, from where, and to where.

use super::*;

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
    // If the requests were split in advance, each connection would have 200.
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

/// Runs in a network namespace that has three ports to connect from.
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
    let is_refused = output.stderr.starts_with(b"unshare:");
    if output.status.code() == Some(77) || is_refused {
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
