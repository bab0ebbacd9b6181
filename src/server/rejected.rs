//! Clients beyond the limit: each gets a 503, and time to read it.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::scoreboard::Scoreboard;
use crate::trace;

/// Clients that may read their 503 at the same time. The oldest makes room for the next.
const LINGERING_MAX: usize = 128;
/// How long a client may take to read it.
const LINGER: Duration = Duration::from_secs(2);
/// Reads for one client a tick. A client that sends a large body needs many, because a close with
/// unread bytes would reset its connection; the others must not wait long for it.
const READS_PER_SWEEP: usize = 64;

/// It is sent before the request is read, because reading would hold up the accept loop. So a HEAD
/// request gets content too, which the client drops with the connection. A 5xx needs no Date (RFC
/// 9110 §6.6.1), which makes the answer a constant.
const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 58\r\n\
    Retry-After: 1\r\n\
    Connection: close\r\n\
    \r\n\
    503 Service Unavailable: too many connections; try again.\n";

/// Clients that were sent a 503 and whose connections are about to close.
///
/// If the server closed at once, the client's request would arrive at a closed socket. The kernel
/// answers that with a reset, and a reset discards the 503 before the client reads it. If the
/// server waited for the client, no other client could be accepted meanwhile. So the accept loop
/// keeps the connections here and looks at them once a tick, without blocking.
pub struct Rejected<'a> {
    clients: VecDeque<(TcpStream, Instant)>,
    scoreboard: &'a Scoreboard,
}

impl<'a> Rejected<'a> {
    /// An empty list. The scoreboard counts each client that joins it.
    pub fn new(scoreboard: &'a Scoreboard) -> Self {
        Self {
            clients: VecDeque::new(),
            scoreboard,
        }
    }

    /// Answers 503 and keeps the client until it has read that.
    // ANCHOR: add
    pub fn add(&mut self, mut client: TcpStream) {
        self.scoreboard.rejected();
        trace::rejected(&client);
        // The answer fits every socket buffer; a client that is gone
        // already needs none.
        let answered = client.set_nonblocking(true).is_ok()
            && client.write_all(ANSWER).is_ok()
            && client.shutdown(Shutdown::Write).is_ok();
        if answered {
            if self.clients.len() == LINGERING_MAX {
                self.clients.pop_front();
            }
            self.clients.push_back((client, Instant::now()));
        }
    }
    // ANCHOR_END: add

    /// Closes all of them now. A forked child calls this for the copies that it has inherited.
    pub fn close(&mut self) {
        // Nearly always the list is empty. Then this calls nothing and touches no page of code.
        if !self.clients.is_empty() {
            self.clients.clear();
        }
    }

    /// Closes the connections of clients that have read their answer or have had their time.
    pub fn sweep(&mut self) {
        self.clients
            .retain_mut(|(client, since)| since.elapsed() < LINGER && is_open(client));
    }
}

/// Discards what the client has sent, within a bound; false once it has closed.
fn is_open(client: &mut TcpStream) -> bool {
    let mut dropped = [0; 4096];
    for _ in 0..READS_PER_SWEEP {
        match client.read(&mut dropped) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
    true
}
