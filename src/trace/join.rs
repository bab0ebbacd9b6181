//! Joins the records of both sides by the client's port, and says what each moment of a client's
//! life was spent on. Pure.

use std::collections::HashMap;

use super::record::{Event, Record, Side};

/// What a trace comes to: a lane for each client, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Timeline {
    /// What was traced, as the first lines say.
    pub title: String,
    /// The clients.
    pub lanes: Vec<Lane>,
    /// The threads that had a connection, in the order of their first one.
    pub workers: Vec<Worker>,
    /// The first moment of all, on the clock of the records; all other times count from it.
    pub start_ns: u64,
    /// The last moment.
    pub end_ns: u64,
    /// The trace was full: later events are missing.
    pub is_full: bool,
}

/// One client and all its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Its name, its number, or its port.
    pub name: String,
    /// Its connections, one after the other.
    pub connections: Vec<Connection>,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The client's port.
    pub port: u16,
    /// What it spent its time on, without gaps.
    pub spans: Vec<Span>,
    /// All that was recorded of it, by time.
    pub events: Vec<Moment>,
}

/// An event of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// From the start of the timeline.
    pub ns: u64,
    /// Which end has recorded it.
    pub side: Side,
    /// What happened.
    pub event: Event,
    /// The worker, by its place in [`Timeline::workers`].
    pub worker: Option<usize>,
}

/// A part of a connection's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// From the start of the timeline.
    pub from_ns: u64,
    /// The same.
    pub to_ns: u64,
    /// What the client was waiting for.
    pub kind: Kind,
    /// The worker that has the connection, by its place in [`Timeline::workers`].
    pub worker: Option<usize>,
}

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The worker has it, and waits for bytes of the client, or sends.
    Held,
    /// It is in the accept queue, or its connection is being made.
    Queued,
    /// The server has accepted it, and no worker has it yet.
    Accepted,
    /// It was answered 503.
    Rejected,
    /// The worker's handler has its request.
    Handler,
}

/// A thread of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worker {
    /// Its process.
    pub pid: u32,
    /// As `gettid(2)` numbers it.
    pub thread: u32,
    /// Its slot in the scoreboard.
    pub slot: usize,
}

impl Timeline {
    /// Joins records, which may come from several files, in any order.
    pub fn of(mut records: Vec<Record>) -> Self {
        records.sort_by_key(|it| it.ns);
        let mut joint = Joint::default();
        for record in records.iter().filter(|it| it.port > 0) {
            joint.add(record);
        }
        let is_first = |it: &&Record| it.event == Event::Trace;
        let titles = records.iter().filter(is_first);
        let mut titles: Vec<&str> = titles.filter_map(|it| it.note.as_deref()).collect();
        titles.dedup();
        let mut timeline = Self {
            title: titles.join(", "),
            is_full: records.iter().any(|it| it.event == Event::Limit),
            ..joint.finish()
        };
        let last = |lane: &Lane| Some(lane.connections.last()?.spans.last()?.to_ns);
        timeline.end_ns = timeline.lanes.iter().filter_map(last).max().unwrap_or(0);
        timeline
    }
}

impl Lane {
    /// All spans of the client, by time.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        self.connections.iter().flat_map(|it| &it.spans)
    }

    /// When the client had its first answer, if it had one.
    pub fn answered_ns(&self) -> Option<u64> {
        let of = |it: &Connection| it.when(Side::Client, Event::Answered);
        self.connections.iter().find_map(of)
    }
}

impl Connection {
    /// The first event of this kind.
    pub fn when(&self, side: Side, event: Event) -> Option<u64> {
        let is_it = |it: &&Moment| it.side == side && it.event == event;
        self.events.iter().find(is_it).map(|it| it.ns)
    }
}

/// Connections as they are found.
#[derive(Default)]
struct Joint {
    start_ns: Option<u64>,
    found: Vec<Found>,
    /// The latest connection of each port: a port may be used again.
    by_port: HashMap<u16, usize>,
    workers: Vec<Worker>,
}

struct Found {
    port: u16,
    client: Option<u32>,
    name: Option<String>,
    events: Vec<Moment>,
}

impl Joint {
    fn add(&mut self, record: &Record) {
        let start = *self.start_ns.get_or_insert(record.ns);
        let worker = self.worker_of(record);
        let at = self.place_of(record);
        let found = &mut self.found[at];
        found.client = found.client.or(record.client);
        if found.name.is_none() {
            found.name.clone_from(&record.note);
        }
        found.events.push(Moment {
            ns: record.ns - start,
            side: record.side,
            event: record.event,
            worker,
        });
    }

    /// The connection that the record belongs to. The first event of a side begins a new one, if
    /// that of the port has had such an event already.
    fn place_of(&mut self, record: &Record) -> usize {
        let begins = matches!(record.event, Event::Connecting | Event::Accepted);
        let has_begun = |at: &usize| {
            let mut events = self.found[*at].events.iter();
            events.any(|it| (it.side, it.event) == (record.side, record.event))
        };
        let known = self.by_port.get(&record.port).copied();
        if let Some(at) = known.filter(|at| !(begins && has_begun(at))) {
            return at;
        }
        self.found.push(Found {
            port: record.port,
            client: None,
            name: None,
            events: Vec::new(),
        });
        self.by_port.insert(record.port, self.found.len() - 1);
        self.found.len() - 1
    }

    /// The place of the record's thread, if the event gives or shows that it has a connection.
    fn worker_of(&mut self, record: &Record) -> Option<usize> {
        let worker = Worker {
            pid: record.pid?,
            thread: record.thread?,
            slot: record.slot?,
        };
        if matches!(record.event, Event::Accepted | Event::Rejected) {
            return None;
        }
        let is_it = |it: &Worker| (it.pid, it.thread) == (worker.pid, worker.thread);
        Some(self.workers.iter().position(is_it).unwrap_or_else(|| {
            self.workers.push(worker);
            self.workers.len() - 1
        }))
    }

    fn finish(self) -> Timeline {
        let mut lanes: Vec<(Option<u32>, Lane)> = Vec::new();
        for found in self.found {
            let connection = Connection {
                port: found.port,
                spans: spans(&found.events),
                events: found.events,
            };
            let known = lanes.iter_mut();
            let mut known = known.filter(|(client, _)| client.is_some());
            match known.find(|(client, _)| *client == found.client) {
                Some((_, lane)) => lane.connections.push(connection),
                None => {
                    let name = found.name.unwrap_or_else(|| match found.client {
                        Some(number) => format!("client {number}"),
                        None => format!("port {}", found.port),
                    });
                    let connections = vec![connection];
                    lanes.push((found.client, Lane { name, connections }));
                }
            }
        }
        Timeline {
            lanes: lanes.into_iter().map(|(_, lane)| lane).collect(),
            workers: self.workers,
            start_ns: self.start_ns.unwrap_or(0),
            ..Timeline::default()
        }
    }
}

/// What the time between the events was spent on.
///
/// The server's events decide. Those of the client only say when the wait began, and when it ended
/// if the server has recorded nothing more.
fn spans(events: &[Moment]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut state: Option<(Kind, Option<usize>, u64)> = None;
    let server_closed = |it: &Moment| (it.side, it.event) == (Side::Server, Event::Closed);
    let has_server_end = events.iter().any(server_closed);
    for event in events {
        let next = match (event.side, event.event) {
            (Side::Client, Event::Connecting) => Some(Kind::Queued),
            (Side::Server, Event::Accepted) => Some(Kind::Accepted),
            (Side::Server, Event::Rejected) => Some(Kind::Rejected),
            (Side::Server, Event::Taken | Event::Answered) => Some(Kind::Held),
            (Side::Server, Event::Handed) => Some(Kind::Handler),
            (Side::Server, Event::Closed) => None,
            (Side::Client, Event::Closed) if !has_server_end => None,
            _ => continue,
        };
        if let Some((kind, worker, from_ns)) = state {
            let to_ns = event.ns;
            spans.push(Span {
                from_ns,
                to_ns,
                kind,
                worker,
            });
        }
        state = next.map(|kind| (kind, event.worker, event.ns));
    }
    // Still open when the trace ended.
    if let (Some((kind, worker, from_ns)), Some(last)) = (state, events.last()) {
        let to_ns = last.ns;
        spans.push(Span {
            from_ns,
            to_ns,
            kind,
            worker,
        });
    }
    // A moment with another state at once is none: accept and take are often one step.
    spans.retain(|it| it.to_ns > it.from_ns || it.kind == Kind::Handler);
    spans
}

#[cfg(test)]
#[path = "join_tests.rs"]
mod tests;
