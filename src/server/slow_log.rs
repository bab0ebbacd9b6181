//! The slow log: which request took long, how long, and from which client.

use std::os::fd::AsFd;
use std::time::Duration;

use super::Server;
use crate::http::Conn;
use crate::scoreboard::{State, printable};
use crate::sys::line_counts::Common;
use crate::sys::log::Level;
use crate::sys::net;
use crate::sys::quota::Quota;

/// A client may know a request that takes long. The count in the scoreboard has all of them.
pub static SLOW: Quota = Quota::common(Level::Warn, "slow requests", Common::SlowRequests);

impl Server<'_> {
    /// Counts and logs a request that took `took` from its arrival to its answer. The time that a
    /// slow client needs to send or to read is not in it.
    #[cold]
    pub(super) fn log_slow(&self, conn: &Conn, client: &impl AsFd, took: Duration) {
        self.scoreboard.was_slow();
        // The reader of the log may be slow as well, and then the worker waits for it.
        self.scoreboard.set(State::Logging, conn.since());
        let line = printable(conn.request_line());
        let client = match conn.client().or_else(|| net::peer(client)) {
            Some(address) => address.to_string(),
            None => "a client that has gone".to_owned(),
        };
        let ms = took.as_millis();
        SLOW.log(format_args!("slow: {ms} ms for '{line}' from {client}"));
        self.scoreboard.set(State::Responding, conn.since());
    }
}
