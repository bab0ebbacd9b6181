//! What every model is handed: the server with its settings, and admission (slot, limit, 503).
//!
//! The room decides and answers; it moves no byte of a connection. [`serve`](crate::serve) does
//! that, and asks [`Server::respond`] for each answer.
//!
//! # Invariants
//!
//! - A process drops its privileges before its first connection, and after all that it needs is
//!   open.

mod access_log;
mod admission;
mod clock;
mod configuration;
mod lifetime;
mod pool_settings;
mod proxy_log;
mod rejected;
mod slow_log;
mod standalone;
mod thread_pool;
mod trigger;

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::accept::{Strategy, StrategyOptions};
use crate::http::{Conn, Handler, Limits};
use crate::scoreboard::Scoreboard;
use crate::sys::trim::{trim_heap, trim_stack};
use crate::trace;

pub use access_log::{AccessFormat, AccessLog, LINE_BYTES_MAX};
pub use admission::{Admission, Place};
pub use configuration::Configuration;
pub use lifetime::Lifetime;
pub use pool_settings::{PoolSettings, Recycling, Sizing};
pub use proxy_log::log_fault;
pub use rejected::Rejected;
pub use slow_log::SLOW;
pub use standalone::Standalone;
pub use thread_pool::{NO_THREAD, STACK_BYTES, ThreadPool};
pub use trigger::Trigger;

/// What all models share: the handler, the limits, the size of the pool.
pub struct Server<'a> {
    /// Answers every request.
    pub handler: &'a dyn Handler,
    /// What one client may send, and how long it may take.
    pub limits: Limits,
    /// Worker processes of the models that have a pool of them.
    pub workers: usize,
    /// The rules by which a master keeps that pool.
    pub pool: PoolSettings,
    /// When this worker has answered enough and makes room for a new one.
    pub lifetime: Lifetime,
    /// Threads of each process, in the models with a fixed number of them. `None` leaves the
    /// number to the model.
    pub threads: Option<usize>,
    /// How the workers share the port: one of the model's own strategies.
    pub accept: Strategy,
    /// The details of that strategy.
    pub strategy_options: StrategyOptions,
    /// When epoll reports a connection, in the models that wait with it.
    pub trigger: Trigger,
    /// With [`EXCLUSIVE`](crate::accept::EXCLUSIVE): after this many connections a worker takes the
    /// last place among those that wait. 0 stands for never.
    pub requeue: usize,
    /// Connections served at once; beyond it the answer is 503. It counts for the whole server in
    /// the models with a process or a thread for each connection, and for each process in those
    /// whose processes hold many connections.
    pub connections_max: usize,
    /// Where each worker shows what it does, and counts what it has done.
    pub scoreboard: &'a Scoreboard,
    /// Requests that take longer than this are counted and logged.
    pub slow: Option<Duration>,
    /// What a line of the access log says. `None` if there is no such log.
    pub access: Option<AccessLog>,
    /// Where these settings come from, for a master that reads them again.
    pub configuration: &'a dyn Configuration,
}

/// Threads of a process where the model has a fixed number of them and no option says how many.
pub const THREADS_DEFAULT: usize = 8;

impl Server<'_> {
    /// How many threads a process with a pool of threads has.
    pub fn thread_count(&self) -> usize {
        self.threads.unwrap_or(THREADS_DEFAULT)
    }

    /// Answers a request in memory that no client has sent. The first request of a process sets up
    /// several things: the allocator's caches, which instructions the processor has, where the C
    /// library's functions are. After the rehearsal, forked children inherit all of that instead of
    /// each setting it up. What reading the command line has left on the stack and on the heap
    /// goes first.
    // ANCHOR: rehearse
    pub fn rehearse(&self) {
        const REQUEST: &[u8] = b"OPTIONS * HTTP/1.1\r\nHost: rehearsal\r\n\r\n";
        trim_stack();
        trim_heap();
        let limits = Limits {
            proxy_header: false,
            ..self.limits.clone()
        };
        let mut conn = Conn::new(&limits, Instant::now());
        if let Some(space) = conn.space().get_mut(..REQUEST.len()) {
            space.copy_from_slice(REQUEST);
            conn.received(REQUEST.len(), Instant::now());
            conn.respond(self.handler, clock::now);
        }
    }
    // ANCHOR_END: rehearse

    /// Renders the date if a new second has begun, so that a child that is forked now finds it
    /// ready.
    pub fn render_date(&self) {
        clock::now();
    }

    /// Has the handler answer the request that `conn` has received from `client`. Every driver
    /// answers through here. It is where a worker shows what it does, and where it learns that it
    /// has answered enough.
    ///
    /// The connection has been told the time when the request was whole, and is told again when the
    /// answer is. No clock is read for the difference.
    // ANCHOR: respond
    pub fn respond(&self, conn: &mut Conn<'_>, client: &impl AsFd) {
        let is_crowded = || self.scoreboard.is_crowded();
        if self.lifetime.ends_with_this(is_crowded) {
            conn.stop(Instant::now());
        }
        let began = conn.since();
        let line = conn.request_line();
        self.scoreboard.responding(line, client, began);
        trace::handed(client);
        conn.respond(self.handler, clock::now);
        trace::answered(client);
        let took = conn.since().saturating_duration_since(began);
        self.scoreboard.answered();
        self.scoreboard.took(took);
        if self.slow.is_some_and(|slow| took >= slow) {
            self.log_slow(conn, client, took);
        }
        if let Some(access) = self.access {
            access.note(conn, client, took);
        }
    }
    // ANCHOR_END: respond
}
