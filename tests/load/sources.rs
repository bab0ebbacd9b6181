//! Features that only the bench uses: the source of connections, and an end at a given time.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener};
use std::thread;
use std::time::Duration;

use servers::load::{self, Amount, Outcome, Plan, Watch};

/// Runs a plan for this listener, of two connections that each carry one request at a time.
fn run(listener: &TcpListener, requests: u64, change: impl FnOnce(&mut Plan)) -> Outcome {
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let mut plan = Plan {
        connections: 2,
        amount: Amount::Requests(requests),
        keep_alive: false,
        ..Plan::new(url.parse().unwrap())
    };
    change(&mut plan);
    load::run(&plan, &Watch::default()).unwrap()
}

#[test]
fn connections_come_from_each_source_in_turn() {
    const REQUESTS: u64 = 6;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = listener.try_clone().unwrap();
    let server = thread::spawn(move || {
        let peers = (0..REQUESTS).map(|_| {
            let (mut client, peer) = own.accept().unwrap();
            let _ = client.read(&mut [0; 1024]).unwrap();
            client
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .unwrap();
            peer.ip()
        });
        peers.collect::<BTreeSet<IpAddr>>()
    });
    let sources = [[127, 0, 0, 2], [127, 0, 0, 3], [127, 0, 0, 4]].map(IpAddr::from);
    let outcome = run(&listener, REQUESTS, |plan| plan.sources = sources.to_vec());
    assert_eq!(outcome.requests, REQUESTS, "{:?}", outcome.errors);
    assert_eq!(server.join().unwrap(), BTreeSet::from(sources));
}

#[test]
fn a_number_of_requests_that_never_comes_ends_in_time() {
    // The kernel takes the connections into the accept queue, and no process reads from them.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let outcome = run(&listener, 5, |plan| {
        plan.time_max = Some(Duration::from_millis(50));
    });
    assert!(outcome.is_complete());
    assert_eq!((outcome.requests, outcome.in_flight_at_stop), (0, 2));
    assert_eq!(outcome.attempted, 2);
}
