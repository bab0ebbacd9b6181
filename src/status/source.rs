//! Makes reports of a server, from its scoreboard and from `/proc`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use super::proc::{self, Kept, Process};
use super::{Pool, Queue, Report, SCHEMA, Worker};
use crate::scoreboard::{
    Facts, LastRequest, PoolEvent, Record, Scoreboard, State, View, printable, slot,
};
use crate::sys::address::Address;
use crate::sys::{clock, net, sock_diag, usage};

/// A server to report on; the reader is one of its processes or another program.
pub struct Source {
    view: View,
    /// The main process; the files of `/proc` about the whole server are read through it.
    pid: u32,
    /// The process IDs on the scoreboard belong to another namespace, as in a container. In our
    /// namespace they could be those of unrelated processes.
    is_apart: bool,
    /// Files that a reader in a sandbox could not open itself.
    kept: Option<Kept>,
}

/// The processes of the server by process ID, the main one among them.
type Processes = BTreeMap<u32, Process>;

impl Source {
    /// The server that this process belongs to.
    pub fn of_server(scoreboard: &Scoreboard) -> Self {
        let view = View::of(scoreboard);
        let pid = view.facts().pid;
        Self {
            view,
            pid,
            is_apart: false,
            kept: None,
        }
    }

    /// As [`Source::of_server`], if the readers will be in a sandbox. The main process calls this
    /// while it may still open files.
    pub fn of_sandboxed_server(scoreboard: &Scoreboard) -> Self {
        Self {
            kept: Some(Kept::open()),
            ..Self::of_server(scoreboard)
        }
    }

    /// The server whose main process or one of whose workers is `pid`.
    ///
    /// # Errors
    /// Those of [`View::of_process`].
    pub fn of_process(pid: u32) -> io::Result<Self> {
        let view = View::of_process(pid)?;
        let is_apart = proc::is_in_another_namespace(pid);
        let pid = if is_apart { pid } else { view.facts().pid };
        Ok(Self {
            view,
            pid,
            is_apart,
            kept: None,
        })
    }

    /// Whether the server still runs. A zombie does not; its scoreboard can still be read.
    pub fn is_running(&self) -> bool {
        match Process::look(self.pid) {
            Some(process) => !process.is_zombie,
            None => proc::exists(self.pid),
        }
    }

    /// Whether the client whose request the calling thread answers is on this machine.
    ///
    /// The worker has written the client's descriptor into its own record. Without a descriptor
    /// there, the answer is no.
    pub fn is_asked_from_here(&self) -> bool {
        let client = self.view.record(slot::get()).last_request.client();
        client.is_some_and(|client| net::is_local(client) == Some(true))
    }

    /// The state of the server now.
    pub fn report(&self) -> Report {
        let facts = self.view.facts();
        // The clock is read together with the records. Looking at all processes takes time, which
        // must not make the states of the workers look older.
        let now_us = clock::monotonic_us();
        let mut records = self.view.records();
        let processes = self.processes(&records);
        if !self.is_apart {
            mark_the_dead(&mut records, &processes);
        }
        let clients = self.clients(&facts, &records);
        let workers: Vec<Worker> = records
            .iter()
            .filter(|record| record.pid != 0)
            .map(|record| worker(record, now_us, &processes, &clients))
            .collect();
        // A faulty worker may have written any value; a sum of them must not overflow.
        let sum = |count: fn(&Record) -> u64| {
            let counts = records.iter().map(count);
            counts.fold(0, u64::saturating_add)
        };
        let count = |is: fn(State) -> bool| records.iter().filter(|it| is(it.state)).count();
        let handling_us: u64 = sum(|record| record.handling_us);
        Report {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: named(&facts.addresses),
            pid: self.pid,
            started_unix_ms: facts.started_ms,
            uptime_s: now_us.saturating_sub(facts.started_us) as f64 / 1e6,
            scoreboard: records.iter().map(|record| record.state.letter()).collect(),
            busy: count(State::is_busy),
            idle: count(|state| state == State::Waiting),
            requests: sum(|record| record.requests),
            bytes: sum(|record| record.bytes),
            connections: sum(|record| record.connections),
            open: workers
                .iter()
                .fold(0, |sum, it| it.open.saturating_add(sum)),
            handling_s: handling_us as f64 / 1e6,
            slow: sum(|record| record.slow),
            rejected: facts.rejected,
            pool: self.pool(),
            queue: self.queue(&facts),
            cpu_s: self.cpu_total(&processes),
            pss_bytes: None,
            model: facts.model,
            accept: facts.accept,
            workers,
        }
    }

    /// [`Source::report`] with the memory that the server uses. The kernel takes long to add that
    /// up, too long for several reports a second.
    pub fn report_with_memory(&self) -> Report {
        Report {
            pss_bytes: self.pss_bytes(),
            ..self.report()
        }
    }

    /// Memory of all processes of the server together, or `None` if the reader may not look at one
    /// of them.
    pub fn pss_bytes(&self) -> Option<u64> {
        if self.is_apart {
            return None;
        }
        let records = self.view.records();
        let there = records.iter().filter(|it| it.state != State::Empty);
        let pids: BTreeSet<u32> = there.map(|it| it.pid).chain([self.pid]).collect();
        let sum: Option<u64> = pids.into_iter().map(usage::pss_kib).sum();
        Some(sum? * 1024)
    }

    /// Looks at all processes, the main process first: see [`View::cpu_at_least`].
    fn processes(&self, records: &[Record]) -> Processes {
        let mut processes = Processes::new();
        let main = Process::look_at_main(self.pid, self.kept.as_ref());
        processes.extend(main.map(|process| (self.pid, process)));
        if self.is_apart {
            return processes;
        }
        for record in records.iter().filter(|it| it.state != State::Empty) {
            if !processes.contains_key(&record.pid) {
                let process = Process::look(record.pid);
                processes.extend(process.map(|process| (record.pid, process)));
            }
        }
        processes
    }

    fn cpu_total(&self, processes: &Processes) -> Option<f64> {
        if self.is_apart {
            return None;
        }
        let reaped = processes.get(&self.pid)?.reaped?;
        let all: Duration = processes.values().map(|used| used.own).sum();
        let us = (reaped + all).as_micros() as u64;
        Some(self.view.cpu_at_least(us) as f64 / 1e6)
    }

    fn pool(&self) -> Option<Pool> {
        let facts = self.view.pool();
        // A master sets its limit first, and no limit is zero.
        (facts.limit > 0).then(|| Pool {
            generation: facts.generation,
            target: facts.target,
            limit: facts.limit,
            limit_reached: facts.count(PoolEvent::LimitReached),
            started: facts.count(PoolEvent::Started),
            crashed: facts.count(PoolEvent::Crashed),
            wedged: facts.count(PoolEvent::Wedged),
            overdue: facts.count(PoolEvent::Overdue),
            fork_failed: facts.count(PoolEvent::ForkFailed),
        })
    }

    fn queue(&self, facts: &Facts) -> Option<Queue> {
        let ports = facts.addresses.iter().filter_map(Address::tcp);
        let queues = ports.filter_map(|it| proc::accept_queue(self.pid, it, self.kept.as_ref()));
        let sum = |(length, listeners), queue: (u64, u64)| (length + queue.0, listeners + queue.1);
        let (length, listeners) = queues.fold((0, 0), sum);
        (listeners > 0).then(|| Queue {
            length,
            limit: u64::from(facts.queue_limit).saturating_mul(listeners),
        })
    }

    /// The clients of the busy workers, by slot.
    fn clients(&self, facts: &Facts, records: &[Record]) -> BTreeMap<usize, String> {
        let (mut clients, mut slots) = (BTreeMap::new(), BTreeMap::new());
        // In another namespace, the process IDs and inode numbers would mean something else.
        let busy = records
            .iter()
            .filter(|it| it.state.is_busy() && !self.is_apart);
        for record in busy {
            let Some(client) = record.last_request.client() else {
                continue;
            };
            if record.pid == std::process::id() {
                // The socket is ours, so the kernel tells its peer, even in a sandbox.
                let peer = net::peer_of(client).map(|peer| peer.to_string());
                clients.extend(peer.map(|peer| (record.slot, peer)));
            } else {
                let inode = proc::socket_inode(record.pid, client);
                slots.extend(inode.map(|inode| (inode, record.slot)));
            }
        }
        if !slots.is_empty() {
            let ports = facts.addresses.iter().filter_map(Address::tcp);
            let ports: BTreeSet<_> = ports.map(|it| (it.port(), it.is_ipv6())).collect();
            let connections = ports.into_iter();
            let named = connections
                .flat_map(|(port, v6)| sock_diag::connections(port, v6).unwrap_or_default());
            clients
                .extend(named.filter_map(|it| Some((*slots.get(&it.inode)?, it.peer.to_string()))));
        }
        clients
    }
}

/// The addresses in one line.
fn named(addresses: &[Address]) -> String {
    let all: Vec<String> = addresses.iter().map(Address::to_string).collect();
    all.join(", ")
}

/// Marks the slots of dead workers as empty. A worker that is killed cannot do so itself, and its
/// parent only does so when it reaps the worker. (A process that got the same ID since would be
/// taken for the worker, but the kernel reuses an ID only after all others have had their turn.)
fn mark_the_dead(records: &mut [Record], processes: &Processes) {
    for record in records.iter_mut().filter(|it| it.state != State::Empty) {
        let has_ended = match processes.get(&record.pid) {
            Some(process) => process.is_zombie,
            None => !proc::exists(record.pid),
        };
        if has_ended {
            record.state = State::Empty;
        }
    }
}

fn worker(
    record: &Record,
    now_us: u64,
    processes: &Processes,
    clients: &BTreeMap<usize, String>,
) -> Worker {
    let is_there = record.state != State::Empty;
    let state_us = now_us.saturating_sub(record.since_us);
    let is_new = record.state == State::Waiting && record.connections == 0;
    let process = processes.get(&record.pid).filter(|_| is_there);
    let used = process.and_then(|process| match process.threads {
        Some(1) => Some(process.own),
        Some(_) => proc::cpu_of_thread(record.pid, record.tid),
        // The number of threads is unknown, so a thread other than the first may be one of many.
        None => Some(process.own).filter(|_| record.pid == record.tid),
    });
    Worker {
        slot: record.slot,
        pid: record.pid,
        tid: record.tid,
        generation: record.generation,
        state: record.state.letter(),
        state_s: (is_there && !is_new).then_some(state_us as f64 / 1e6),
        requests: record.requests,
        bytes: record.bytes,
        connections: record.connections,
        open: if is_there { record.open } else { 0 },
        handling_s: record.handling_us as f64 / 1e6,
        slow: record.slow,
        cpu_s: used.map(|used| used.as_secs_f64()),
        request: match &record.last_request {
            LastRequest::Request { line, .. } if !line.is_empty() => Some(printable(line)),
            _ => None,
        },
        torn: record.last_request == LastRequest::Torn,
        client: clients.get(&record.slot).cloned(),
    }
}
