//! The timeline in Chrome's trace event format, for <https://ui.perfetto.dev>. Pure.
//!
//! Handlers are complete events (`X`) on the thread that ran them. A connection that is merely open
//! overlaps others on the thread of an event loop, and complete events of a thread must nest. So
//! the lanes of the clients are a process of their own, with a thread for each client.

use serde_json::{Value, json};

use super::join::{Kind, Span, Timeline};

/// No process of the server has this ID, which the kernel keeps for itself.
const CLIENTS_PID: u32 = 0;

/// A JSON object with the events of all lanes.
pub fn perfetto(timeline: &Timeline) -> Value {
    let mut events = vec![name("process_name", CLIENTS_PID, 0, "clients")];
    let mut pids: Vec<u32> = timeline.workers.iter().map(|it| it.pid).collect();
    pids.sort_unstable();
    pids.dedup();
    for pid in pids {
        events.push(name("process_name", pid, 0, "server"));
    }
    for (at, worker) in timeline.workers.iter().enumerate() {
        let title = format!("worker {at} (slot {})", worker.slot);
        events.push(name("thread_name", worker.pid, worker.thread, &title));
    }
    for (row, lane) in timeline.lanes.iter().enumerate() {
        let row = u32::try_from(row + 1).unwrap_or(u32::MAX);
        events.push(name("thread_name", CLIENTS_PID, row, &lane.name));
        for span in lane.spans() {
            events.push(complete(span, what(span.kind), CLIENTS_PID, row));
            let worker = span.worker.and_then(|at| timeline.workers.get(at));
            if let Some(worker) = worker.filter(|_| span.kind == Kind::Handler) {
                events.push(complete(span, &lane.name, worker.pid, worker.thread));
            }
        }
    }
    json!({ "displayTimeUnit": "ms", "traceEvents": events })
}

pub(super) fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Queued => "in the accept queue",
        Kind::Accepted => "accepted, no worker yet",
        Kind::Held => "held by a worker",
        Kind::Handler => "handler",
        Kind::Rejected => "answered 503",
    }
}

/// Times are microseconds, with fractions.
fn complete(span: &Span, name: &str, pid: u32, tid: u32) -> Value {
    json!({
        "ph": "X", "name": name, "cat": "connection", "pid": pid, "tid": tid,
        "ts": span.from_ns as f64 / 1e3,
        "dur": (span.to_ns - span.from_ns) as f64 / 1e3,
        "args": { "worker": span.worker },
    })
}

fn name(what: &str, pid: u32, tid: u32, name: &str) -> Value {
    json!({ "ph": "M", "name": what, "pid": pid, "tid": tid, "args": { "name": name } })
}

#[cfg(test)]
mod tests {
    use super::super::join::{Connection, Lane, Worker};
    use super::*;

    #[test]
    fn handlers_are_on_the_thread_that_ran_them_and_connections_on_the_client() {
        let span = |kind, from_ns, to_ns, worker| Span {
            from_ns,
            to_ns,
            kind,
            worker,
        };
        let spans = vec![
            span(Kind::Queued, 0, 1500, None),
            span(Kind::Handler, 1500, 2000, Some(0)),
        ];
        let connections = vec![Connection {
            port: 9,
            spans,
            events: Vec::new(),
        }];
        let lane = Lane {
            name: "slow".to_owned(),
            connections,
        };
        let worker = Worker {
            pid: 7,
            thread: 8,
            slot: 3,
        };
        let (lanes, workers) = (vec![lane], vec![worker]);
        let timeline = Timeline {
            lanes,
            workers,
            ..Timeline::default()
        };
        let trace = perfetto(&timeline);
        let events = trace["traceEvents"].as_array().unwrap();
        let complete = events.iter().filter(|it| it["ph"] == "X");
        let complete: Vec<String> = complete
            .map(|it| {
                format!(
                    "{}/{} {} {}+{}",
                    it["pid"], it["tid"], it["name"], it["ts"], it["dur"]
                )
            })
            .collect();
        assert_eq!(
            complete,
            [
                "0/1 \"in the accept queue\" 0.0+1.5",
                "0/1 \"handler\" 1.5+0.5",
                "7/8 \"slow\" 1.5+0.5"
            ]
        );
        let names = events.iter().filter(|it| it["ph"] == "M");
        let names: Vec<_> = names
            .map(|it| it["args"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["clients", "server", "worker 0 (slot 3)", "slow"]);
    }
}
