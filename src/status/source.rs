//! Where a report comes from.

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::proc::{self, Cpu};
use super::{Pool, Queue, Report, SCHEMA, Worker};
use crate::scoreboard::{Asked, Event, Facts, Record, Scoreboard, State, View};
use crate::sys::{clock, net, slot, sock_diag};

/// A server that can be looked at, from inside or from the outside.
pub struct Source {
    view: View,
    /// The process to look at for what all processes of the server have in common.
    pid: u32,
    /// The process IDs on the scoreboard are those of another namespace, as in a container: here
    /// they would lead to strangers.
    is_apart: bool,
}

impl Source {
    /// The server that this process belongs to.
    pub fn of_server(scoreboard: &Scoreboard) -> Self {
        let view = View::of(scoreboard);
        let pid = view.facts().pid;
        Self {
            view,
            pid,
            is_apart: false,
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
        })
    }

    /// Whether the server still runs. What it has left can be read even so.
    pub fn is_running(&self) -> bool {
        proc::exists(self.pid)
    }

    /// Whether the client whose request the current thread answers is on this machine.
    ///
    /// The worker has noted the client's descriptor in its own record. A record that does not say
    /// counts as a no.
    pub fn is_asked_from_here(&self) -> bool {
        let client = self.view.record(slot::get()).asked.client();
        client.is_some_and(|client| net::is_local(client) == Some(true))
    }

    /// What there is to be seen now.
    pub fn report(&self) -> Report {
        let facts = self.view.facts();
        let mut records = self.view.records();
        if !self.is_apart {
            mark_the_dead(&mut records);
        }
        let cpu = self.cpu(&records);
        let clients = self.clients(&facts, &records);
        let now_us = clock::monotonic_us();
        let workers: Vec<Worker> = records
            .iter()
            .filter(|record| record.pid != 0)
            .map(|record| worker(record, now_us, &cpu, &clients))
            .collect();
        // Whatever is in the memory is a value; sums of nonsense must not panic.
        let sum = |count: fn(&Record) -> u64| {
            let counts = records.iter().map(count);
            counts.fold(0, u64::saturating_add)
        };
        let count = |is: fn(State) -> bool| records.iter().filter(|it| is(it.state)).count();
        let handling_us: u64 = sum(|record| record.handling_us);
        Report {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: facts.address.to_string(),
            pid: self.pid,
            started_unix_ms: facts.started_ms,
            uptime_s: uptime_s(facts.started_ms),
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
            turned_away: facts.turned_away,
            pool: self.pool(),
            queue: self.queue(&facts),
            cpu_s: self.cpu_total(&cpu),
            model: facts.model,
            accept: facts.accept,
            workers,
        }
    }

    /// What each process has used; the main process first, see [`View::cpu_at_least`].
    fn cpu(&self, records: &[Record]) -> BTreeMap<u32, Cpu> {
        let mut cpu = BTreeMap::new();
        cpu.extend(Cpu::of_process(self.pid).map(|used| (self.pid, used)));
        if self.is_apart {
            return cpu;
        }
        for record in records.iter().filter(|it| it.state != State::Empty) {
            if !cpu.contains_key(&record.pid) {
                cpu.extend(Cpu::of_process(record.pid).map(|used| (record.pid, used)));
            }
        }
        cpu
    }

    fn cpu_total(&self, cpu: &BTreeMap<u32, Cpu>) -> Option<f64> {
        if self.is_apart {
            return None;
        }
        let reaped = cpu.get(&self.pid)?.reaped;
        let all: Duration = cpu.values().map(|used| used.own).sum();
        let us = (reaped + all).as_micros() as u64;
        Some(self.view.cpu_at_least(us) as f64 / 1e6)
    }

    fn pool(&self) -> Option<Pool> {
        let facts = self.view.pool();
        // A master sets its limit before anything else, and there is none of zero.
        (facts.limit > 0).then(|| Pool {
            generation: facts.generation,
            target: facts.target,
            limit: facts.limit,
            limit_reached: facts.count(Event::LimitReached),
            started: facts.count(Event::Started),
            crashed: facts.count(Event::Crashed),
            wedged: facts.count(Event::Wedged),
            overdue: facts.count(Event::Overdue),
            fork_failed: facts.count(Event::ForkFailed),
        })
    }

    fn queue(&self, facts: &Facts) -> Option<Queue> {
        let (length, listeners) = proc::accept_queue(self.pid, facts.address)?;
        Some(Queue {
            length,
            limit: u64::from(facts.queue_limit) * listeners,
        })
    }

    /// The clients of those who are at work, by slot.
    fn clients(&self, facts: &Facts, records: &[Record]) -> BTreeMap<usize, String> {
        let mut slots = BTreeMap::new();
        // In another namespace all of the numbers mean something else.
        let busy = records
            .iter()
            .filter(|it| it.state.is_busy() && !self.is_apart);
        for record in busy {
            if let Some(client) = record.asked.client() {
                let inode = proc::socket_inode(record.pid, client);
                slots.extend(inode.map(|inode| (inode, record.slot)));
            }
        }
        if slots.is_empty() {
            return BTreeMap::new();
        }
        let connections = sock_diag::connections(facts.address.port(), facts.address.is_ipv6());
        let named = connections.unwrap_or_default().into_iter();
        named
            .filter_map(|it| Some((*slots.get(&it.inode)?, it.peer.to_string())))
            .collect()
    }
}

/// Nobody can mark a slot as empty at the moment when its owner is killed; until it is buried, the
/// system knows. (A stranger with a recycled process ID is taken for it: the system only gives one
/// out again when all others have had their turn.)
fn mark_the_dead(records: &mut [Record]) {
    for record in records.iter_mut().filter(|it| it.state != State::Empty) {
        if !proc::exists(record.pid) {
            record.state = State::Empty;
        }
    }
}

fn worker(
    record: &Record,
    now_us: u64,
    cpu: &BTreeMap<u32, Cpu>,
    clients: &BTreeMap<usize, String>,
) -> Worker {
    let is_there = record.state != State::Empty;
    let state_us = now_us.saturating_sub(record.since_us);
    let is_new = record.state == State::Waiting && record.connections == 0;
    let used = match cpu.get(&record.pid).filter(|_| is_there) {
        Some(used) if used.threads == 1 => Some(used.own),
        Some(_) => Cpu::of_thread(record.pid, record.tid),
        None => None,
    };
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
        request: match &record.asked {
            Asked::Request { line, .. } if !line.is_empty() => {
                Some(line.escape_ascii().to_string())
            }
            _ => None,
        },
        torn: record.asked == Asked::Torn,
        client: clients.get(&record.slot).cloned(),
    }
}

fn uptime_s(started_ms: u64) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ms = now.unwrap_or_default().as_millis() as u64;
    now_ms.saturating_sub(started_ms) as f64 / 1e3
}
