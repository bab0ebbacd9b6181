//! Moves bytes between a socket and an [`http::Conn`](crate::http::Conn).

mod asynchronous;
mod blocking;
mod clock;
mod crew;
mod turned_away;

use std::net::TcpStream;
use std::time::Instant;

use tokio::sync::watch;

use crate::accept::Strategy;
use crate::http::{Conn, Handler, Limits};
use crate::scoreboard::Scoreboard;

pub use crew::{Crew, STACK_BYTES};
pub use turned_away::TurnedAway;

/// What all models share: the handler, the bounds, the size of the pool.
pub struct Server<'a> {
    /// Answers every request.
    pub handler: &'a dyn Handler,
    /// Bounds on each connection.
    pub limits: Limits,
    /// Worker processes of the models that have a pool of them.
    pub workers: usize,
    /// Threads of each process, in the models that have a fixed number of them; without a wish,
    /// as many as suits the model.
    pub threads: Option<usize>,
    /// How the workers share the port: one of the model's own strategies.
    pub accept: Strategy,
    /// Connections served at once by the models that make a process or thread for each; beyond
    /// it the answer is 503.
    pub connections_max: usize,
    /// Where each worker counts what it has answered.
    pub scoreboard: &'a Scoreboard,
}

/// Threads of a process where the model has a fixed number of them and nobody has a wish.
const THREADS_DEFAULT: usize = 8;

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
        blocking::drive(client, &mut conn, self);
    }
    // ANCHOR_END: serve

    /// [`Server::serve`] as a task of a runtime: waiting holds up no thread. Connections that are
    /// idle end when `stop` changes.
    pub async fn serve_async(&self, mut client: tokio::net::TcpStream, stop: watch::Receiver<()>) {
        let mut conn = Conn::new(&self.limits, Instant::now());
        asynchronous::drive(&mut client, &mut conn, self, stop).await;
    }
}
