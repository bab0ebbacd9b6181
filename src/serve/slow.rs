//! The slow log: what took long, how long, and who asked.

use std::os::fd::AsFd;
use std::time::Duration;

use super::Server;
use crate::http::Conn;
use crate::scoreboard::{State, printable};
use crate::sys::net;

impl Server<'_> {
    /// Counts and logs a request that took `took` from its arrival to its answer. A slow client is
    /// none of this: the time that its octets need, either way, is not in it.
    #[cold]
    pub(super) fn tell_slow(&self, conn: &Conn, client: &impl AsFd, took: Duration) {
        self.scoreboard.was_slow();
        // Whoever reads the log may be slow as well, and then the worker waits for that.
        self.scoreboard.set(State::Logging, conn.since());
        let line = printable(conn.request_line());
        let client = match net::peer(client) {
            Some(address) => address.to_string(),
            None => "a client that has gone".to_owned(),
        };
        crate::log!("slow: {} ms for '{line}' from {client}", took.as_millis());
        self.scoreboard.set(State::Responding, conn.since());
    }
}
