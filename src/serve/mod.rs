//! Moves bytes between a socket and an [`http::Conn`](crate::http::Conn).

mod alarms;
mod asynchronous;
mod blocking;
mod clock;
mod completions;
mod crew;
mod event_loop;
mod lifetime;
mod nonblocking;
mod pool;
mod slow;
mod transfer;
mod turned_away;

use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::accept::{Strategy, StrategyOptions};
use crate::http::{Activity, Conn, Handler, Limits};
use crate::scoreboard::{Scoreboard, State};
use crate::service::Succession;
use crate::sys::signal;

pub use completions::{CompletionLoop, Done};
pub use crew::{Crew, STACK_BYTES};
pub use event_loop::{Epoll, EventLoop, Interest, Poll, Poller, Ready, Signs, Token, Trigger};
pub use lifetime::Lifetime;
pub use pool::{Pool, Sizing};
pub use turned_away::TurnedAway;

/// What all models share: the handler, the bounds, the size of the pool.
pub struct Server<'a> {
    /// Answers every request.
    pub handler: &'a dyn Handler,
    /// Bounds on each connection.
    pub limits: Limits,
    /// Worker processes of the models that have a pool of them.
    pub workers: usize,
    /// How a master keeps that pool.
    pub pool: Pool,
    /// When this worker has done its share.
    pub lifetime: Lifetime,
    /// Threads of each process, in the models that have a fixed number of them; without a wish,
    /// as many as suits the model.
    pub threads: Option<usize>,
    /// How the workers share the port: one of the model's own strategies.
    pub accept: Strategy,
    /// The details of that.
    pub strategy_options: StrategyOptions,
    /// How the models that wait with epoll hear of their connections.
    pub trigger: Trigger,
    /// With [`EXCLUSIVE`](crate::accept::EXCLUSIVE): after this many connections a worker takes the
    /// last place among those that wait. 0 stands for never.
    pub requeue: usize,
    /// Connections served at once, by the server in the models that make a process or thread for
    /// each, by each process in those whose processes hold many; beyond it the answer is 503.
    pub connections_max: usize,
    /// Where each worker shows what it does, and counts what it has done.
    pub scoreboard: &'a Scoreboard,
    /// Requests that take longer than this are counted and logged.
    pub slow: Option<Duration>,
    /// Where all of this comes from.
    pub configuration: &'a dyn Configuration,
}

/// What stands behind a [`Server`], as far as its models need to know.
pub trait Configuration: Sync {
    /// The server that is configured.
    fn server(&self) -> Server<'_>;

    /// Gives up what serving does not need, for good. Called once in each process that is to serve,
    /// after its fork and before its first connection: in workers, not in their master.
    ///
    /// # Errors
    /// A sentence: this process must not serve.
    fn give_up_rights(&self) -> Result<(), String>;

    /// Reads the configuration again.
    ///
    /// # Errors
    /// A sentence, with the place of the mistake: the old one stays in force.
    fn reload(&self) -> Result<Box<dyn Configuration + '_>, String>;

    /// What a master hands down to the one that replaces it.
    fn succession(&self) -> &Succession;
}

/// Threads of a process where the model has a fixed number of them and nobody has a wish.
pub const THREADS_DEFAULT: usize = 8;

impl Server<'_> {
    /// How many threads a process of a fixed number of them shall have.
    pub fn crew_size(&self) -> usize {
        self.threads.unwrap_or(THREADS_DEFAULT)
    }

    /// Answers a request that nobody sent, in memory alone. What every first request sets up (the
    /// allocator's caches, which instructions the processor has, where the C library's functions
    /// are) is then there before any child is forked, and shared by all of them, instead of being
    /// set up by each.
    // ANCHOR: rehearse
    pub fn rehearse(&self) {
        const REQUEST: &[u8] = b"OPTIONS * HTTP/1.1\r\nHost: rehearsal\r\n\r\n";
        let mut conn = Conn::new(&self.limits, Instant::now());
        if let Some(space) = conn.space().get_mut(..REQUEST.len()) {
            space.copy_from_slice(REQUEST);
            conn.received(REQUEST.len(), Instant::now());
            conn.respond(self.handler, clock::now);
        }
    }
    // ANCHOR_END: rehearse

    /// Looks at the clock and renders the date if a new second has begun, so that a child that is
    /// forked now finds it ready.
    pub fn look_at_clock(&self) {
        clock::now();
    }

    /// Serves one client until either side ends the connection, blocking all the while.
    ///
    /// Whatever happens to the connection is that client's affair: there is no error to return.
    // ANCHOR: serve
    pub fn serve(&self, client: &TcpStream) {
        let mut conn = Conn::new(&self.limits, Instant::now());
        self.scoreboard.accepted();
        self.scoreboard.holds(1);
        blocking::drive(client, &mut conn, self);
        self.scoreboard.holds(0);
        self.scoreboard.set(State::Waiting, conn.since());
    }
    // ANCHOR_END: serve

    /// Lets the handler answer the request that `conn` has received from `client`. Every driver
    /// answers through here: it is where a worker shows what it does, and where it learns that it
    /// has done enough.
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
        conn.respond(self.handler, clock::now);
        let took = conn.since().saturating_duration_since(began);
        self.scoreboard.answered();
        self.scoreboard.took(took);
        if self.slow.is_some_and(|slow| took >= slow) {
            self.tell_slow(conn, client, took);
        }
    }
    // ANCHOR_END: respond

    /// Shows what a worker does that has one client at a time and is about to wait for it.
    fn show(&self, conn: &Conn) {
        let state = match conn.activity() {
            Activity::Closing => State::Closing,
            _ if signal::stopping() || signal::retiring() => State::Finishing,
            Activity::Reading => State::Reading,
            Activity::Answering => State::Responding,
            Activity::Idle => State::KeepAlive,
        };
        self.scoreboard.set(state, conn.since());
    }

    /// [`Server::serve`] as a task of a runtime: waiting holds up no thread. Connections that are
    /// idle end when `stop` changes.
    pub async fn serve_async(&self, mut client: tokio::net::TcpStream, stop: watch::Receiver<()>) {
        let mut conn = Conn::new(&self.limits, Instant::now());
        self.scoreboard.accepted();
        let _held = self.scoreboard.hold();
        asynchronous::drive(&mut client, &mut conn, self, stop).await;
    }
}
