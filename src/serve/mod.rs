//! Moves bytes between a socket and an [`http::Conn`](crate::http::Conn).

mod blocking;
mod clock;
mod lifetime;
mod pool;
mod turned_away;

use std::net::TcpStream;
use std::time::Instant;

use crate::accept::{Manner, Strategy};
use crate::http::{Conn, Handler, Limits};
use crate::scoreboard::Scoreboard;
use crate::service::Succession;

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
    /// Threads of each process, in the models that have a fixed number of them.
    pub threads: usize,
    /// How the workers share the port: one of the model's own strategies.
    pub accept: Strategy,
    /// The details of that.
    pub manner: Manner,
    /// Connections served at once by the models that make a process or thread for each; beyond
    /// it the answer is 503.
    pub connections_max: usize,
    /// Where each worker counts what it has answered.
    pub scoreboard: &'a Scoreboard,
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

impl Server<'_> {
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

    /// Lets the handler answer the request that `conn` has received. Every driver answers through
    /// here: it is where a worker shows what it does, and where it learns that it has done enough.
    // ANCHOR: respond
    pub fn respond(&self, conn: &mut Conn<'_>) {
        if self.lifetime.ends_with_this() {
            conn.stop(Instant::now());
        }
        self.scoreboard.answering();
        conn.respond(self.handler, clock::now);
        self.scoreboard.answered();
    }
    // ANCHOR_END: respond

    /// Serves one client until either side ends the connection, blocking all the while.
    ///
    /// Whatever happens to the connection is that client's affair: there is no error to return.
    // ANCHOR: serve
    pub fn serve(&self, client: &TcpStream) {
        let mut conn = Conn::new(&self.limits, Instant::now());
        blocking::drive(client, &mut conn, self);
    }
    // ANCHOR_END: serve
}
