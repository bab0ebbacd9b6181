use super::*;

#[test]
fn counts_can_be_read() {
    let scoreboard = Scoreboard::create().unwrap();
    scoreboard.enter(2);
    scoreboard.answered();
    scoreboard.answered();
    scoreboard.enter(0);
    scoreboard.answered();
    let seen = View::of(&scoreboard).counts();
    let pid = std::process::id();
    let requests: Vec<u64> = seen.iter().map(|counts| counts.requests).collect();
    assert_eq!(requests, [1, 0, 2]);
    assert_eq!((seen[0].pid, seen[1].pid, seen[2].pid), (pid, 0, pid));
}

#[test]
fn slots_beyond_the_last_share_its_record() {
    let scoreboard = Scoreboard::create().unwrap();
    for slot in [SLOTS_MAX - 1, SLOTS_MAX, usize::MAX / 2] {
        scoreboard.enter(slot);
        scoreboard.answered();
    }
    let seen = View::of(&scoreboard).counts();
    assert_eq!(seen.len(), SLOTS_MAX);
    assert_eq!(seen[SLOTS_MAX - 1].requests, 3);
}

#[test]
fn a_record_shows_its_workers_state_and_last_request() {
    let scoreboard = Scoreboard::create().unwrap();
    let view = View::of(&scoreboard);
    let client = std::io::stdin();
    scoreboard.enter(1);
    scoreboard.accepted();
    scoreboard.holds(1);
    let began = Instant::now();
    scoreboard.set(State::Reading, began);
    let reading = view.record(1);
    assert_eq!((reading.state, reading.open), (State::Reading, 1));
    scoreboard.set(State::Reading, began + Duration::from_secs(9));
    assert_eq!(
        view.record(1).since_us,
        reading.since_us,
        "the state has not changed"
    );
    let later = began + Duration::from_millis(5);
    scoreboard.responding(b"GET / HTTP/1.1", &client, later);
    scoreboard.answered();
    scoreboard.took(Duration::from_micros(70));
    scoreboard.sent(131);
    let record = view.record(1);
    assert_eq!(record.since_us - reading.since_us, 5000);
    assert_eq!(record.state, State::Responding);
    assert_eq!(
        (record.requests, record.bytes, record.handling_us),
        (1, 131, 70)
    );
    let (line, client) = (b"GET / HTTP/1.1".to_vec(), Some(0));
    assert_eq!(record.last_request, LastRequest::Request { line, client });
    scoreboard.holds(0);
    scoreboard.vacate(1);
    let gone = view.record(1);
    assert_eq!((gone.state, gone.open, gone.requests), (State::Empty, 0, 1));
}

#[test]
fn the_header_describes_the_server() {
    let scoreboard = Scoreboard::create().unwrap();
    let all = ["127.0.0.1:8080", "[2001:db8::1]:443", "unix:/run/a b.sock"];
    let all = all.map(|text| Address::parse(text).unwrap());
    // An address that does not fit into the room is left out.
    let too_long = Address::Unix("x".repeat(1000).into());
    for addresses in [&all[..1], &all[1..], &all] {
        let with_more = [addresses, std::slice::from_ref(&too_long)].concat();
        scoreboard.describe(&Description {
            model: "prethreaded",
            accept: "reuseport",
            addresses: &with_more,
            queue_limit: 511,
        });
        let facts = View::of(&scoreboard).facts();
        assert_eq!(facts.model, "prethreaded");
        assert_eq!(facts.accept, "reuseport");
        assert_eq!(facts.addresses, addresses);
        assert_eq!((facts.queue_limit, facts.pid), (511, std::process::id()));
    }
}
