use super::*;

fn client(ns: u64, port: u16, number: u32, event: Event) -> Record {
    Record {
        port,
        client: Some(number),
        ..Record::new(ns, Side::Client, event)
    }
}

fn server(ns: u64, port: u16, thread: u32, event: Event) -> Record {
    Record {
        port,
        pid: Some(100),
        slot: Some(thread as usize),
        thread: Some(thread),
        ..Record::new(ns, Side::Server, event)
    }
}

fn one_request(port: u16, number: u32, from: u64) -> Vec<Record> {
    vec![
        client(from, port, number, Event::Connecting),
        client(from + 1, port, number, Event::Connected),
        client(from + 2, port, number, Event::Sent),
        server(from + 10, port, 0, Event::Accepted),
        server(from + 15, port, 1, Event::Taken),
        server(from + 17, port, 1, Event::FirstByte),
        server(from + 20, port, 1, Event::Handed),
        server(from + 50, port, 1, Event::Answered),
        client(from + 55, port, number, Event::Answered),
        client(from + 56, port, number, Event::Closed),
        server(from + 60, port, 1, Event::Closed),
    ]
}

fn kinds(lane: &Lane) -> Vec<(Kind, u64, u64)> {
    lane.spans()
        .map(|it| (it.kind, it.from_ns, it.to_ns))
        .collect()
}

#[test]
fn a_request_waits_in_the_queue_then_for_a_worker_then_for_the_handler() {
    let mut records = one_request(5000, 1, 1000);
    // The files are read one after the other.
    records.sort_by_key(|it| it.side as u8);
    let timeline = Timeline::of(records);
    assert_eq!((timeline.start_ns, timeline.end_ns), (1000, 60));
    assert_eq!(
        kinds(&timeline.lanes[0]),
        [
            (Kind::Queued, 0, 10),
            (Kind::Accepted, 10, 15),
            (Kind::Held, 15, 20),
            (Kind::Handler, 20, 50),
            (Kind::Held, 50, 60),
        ]
    );
    // The thread that only accepted is no worker.
    let worker = Worker {
        pid: 100,
        thread: 1,
        slot: 1,
    };
    assert_eq!(timeline.workers, [worker]);
    assert_eq!(timeline.lanes[0].answered_ns(), Some(55));
    assert_eq!(timeline.lanes[0].name, "client 1");
}

#[test]
fn a_port_that_is_used_again_is_another_connection() {
    let mut records = one_request(5000, 1, 0);
    records.extend(one_request(5000, 2, 100));
    records.extend(one_request(5001, 1, 200));
    let timeline = Timeline::of(records);
    let ports = |lane: &Lane| {
        lane.connections
            .iter()
            .map(|it| it.port)
            .collect::<Vec<_>>()
    };
    let lanes: Vec<_> = timeline.lanes.iter().map(ports).collect();
    assert_eq!(
        lanes,
        [vec![5000, 5001], vec![5000]],
        "a lane for each client"
    );
    assert_eq!(kinds(&timeline.lanes[1])[0], (Kind::Queued, 100, 110));
}

#[test]
fn either_side_alone_makes_lanes() {
    let all = one_request(5000, 1, 0);
    let of = |side| {
        all.iter()
            .filter(move |it| it.side == side)
            .cloned()
            .collect()
    };
    let timeline = Timeline::of(of(Side::Server));
    assert_eq!(timeline.lanes[0].name, "port 5000");
    assert_eq!(kinds(&timeline.lanes[0])[0], (Kind::Accepted, 0, 5));
    let timeline = Timeline::of(of(Side::Client));
    assert_eq!(kinds(&timeline.lanes[0]), [(Kind::Queued, 0, 56)]);
}

#[test]
fn a_client_that_no_process_accepts_waits_to_the_end_of_the_trace() {
    let mut records = one_request(5000, 1, 0);
    records.push(client(5, 5001, 2, Event::Connecting));
    records.push(client(90, 5001, 2, Event::Failed));
    let timeline = Timeline::of(records);
    assert_eq!(kinds(&timeline.lanes[1]), [(Kind::Queued, 5, 90)]);
    assert_eq!(timeline.lanes[1].answered_ns(), None);
    assert_eq!(timeline.end_ns, 90);
}

#[test]
fn the_first_lines_give_the_title_and_a_full_trace_is_noted() {
    let mut first = Record::new(0, Side::Server, Event::Trace);
    first.note = Some("prefork".to_owned());
    let limit = Record::new(99, Side::Server, Event::Limit);
    let timeline = Timeline::of([vec![first, limit], one_request(5000, 1, 10)].concat());
    assert_eq!(timeline.title, "prefork");
    assert!(timeline.is_full);
    assert!(!Timeline::of(one_request(5000, 1, 10)).is_full);
    assert_eq!(Timeline::of(Vec::new()), Timeline::default());
}
