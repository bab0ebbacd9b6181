//! Connections beside the measured ones that take their time: half of them send a byte a second,
//! the others nothing at all.
//!
//! They occupy what a server reserves for a connection: a process, a thread, or a few bytes. What
//! that does to the measured requests is the question.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::unistd;

use super::destination::Destination;
use super::{Error, Plan};

/// How often a slow client sends its next byte, and one that was cut off comes back.
const BYTE_EVERY: Duration = Duration::from_secs(1);
/// How late the end of the run may be noticed.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The beginning of a request that never ends: after these bytes come field lines without end.
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: slow\r\n";
const FIELD: &[u8] = b"X: y\r\n";

/// What became of a run's slow clients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SlowClients {
    /// How many the plan wanted.
    pub wanted: usize,
    /// Connections that they opened over the run.
    pub opened: u64,
    /// Connections that the server closed on them.
    pub closed_by_server: u64,
    /// Connections that could not be opened.
    pub refused: u64,
}

struct SlowClient {
    socket: Option<OwnedFd>,
    /// Whether it sends a byte now and then.
    sends: bool,
    /// Bytes sent on this connection.
    sent: usize,
}

/// Keeps the plan's slow clients going until the run is over.
pub(super) fn run(plan: &Plan, is_over: &AtomicBool) -> Result<SlowClients, Error> {
    let destination = Destination::new(plan, 0)?;
    let mut clients: Vec<SlowClient> = (0..plan.slow_clients)
        .map(|index| SlowClient {
            socket: None,
            sends: index % 2 == 0,
            sent: 0,
        })
        .collect();
    let mut outcome = SlowClients {
        wanted: plan.slow_clients,
        ..SlowClients::default()
    };
    while !is_over.load(Relaxed) {
        let next = Instant::now() + BYTE_EVERY;
        for client in &mut clients {
            client.take_turn(&destination, &mut outcome);
        }
        while Instant::now() < next && !is_over.load(Relaxed) {
            thread::sleep(LOOK_EVERY);
        }
    }
    Ok(outcome)
}

impl SlowClient {
    fn take_turn(&mut self, destination: &Destination, outcome: &mut SlowClients) {
        if self.socket.is_none() {
            match destination.connect(destination.preferred(), &mut self.socket) {
                Ok(()) | Err(Errno::EINPROGRESS) => outcome.opened += 1,
                Err(_) => {
                    outcome.refused += 1;
                    self.socket = None;
                }
            }
            self.sent = 0;
        } else if self.is_closed() || (self.sends && self.send().is_err()) {
            outcome.closed_by_server += 1;
            self.socket = None;
        }
    }

    /// Reads what the server says, which is an error page at most, up to its close.
    fn is_closed(&self) -> bool {
        let mut buffer = [0; 4096];
        let Some(socket) = &self.socket else {
            return true;
        };
        loop {
            match unistd::read(socket, &mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(Errno::EAGAIN) => return false,
                Err(_) => return true,
            }
        }
    }

    fn send(&mut self) -> io::Result<()> {
        let Some(socket) = &self.socket else {
            return Ok(());
        };
        let byte = match self.sent.checked_sub(REQUEST.len()) {
            None => REQUEST[self.sent],
            Some(beyond) => FIELD[beyond % FIELD.len()],
        };
        match unistd::write(socket, &[byte]) {
            Ok(_) => self.sent += 1,
            Err(Errno::EAGAIN) => {}
            Err(errno) => return Err(errno.into()),
        }
        Ok(())
    }
}
