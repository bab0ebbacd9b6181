//! Clients beyond the limit: each gets a 503, and time to read it.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::scoreboard::Scoreboard;

/// Clients that may read their 503 at the same time; the oldest makes room for the next.
const LINGERING_MAX: usize = 128;
/// How long a client may take to read it.
const LINGER: Duration = Duration::from_secs(2);

/// It goes out before the request is read, lest reading hold up everybody else. So a HEAD is not
/// known for one and gets content too; what a client does not expect is lost with the connection.
/// A 5xx needs no Date (RFC 9110 §6.6.1), which leaves a constant.
const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 58\r\n\
    Retry-After: 1\r\n\
    Connection: close\r\n\
    \r\n\
    503 Service Unavailable: too many connections; try again.\n";

/// Clients that were told 503 and whose connections are about to close.
///
/// Closing at once would reset the connection as soon as the client's request arrives, and a reset
/// takes the answer away before it is read. Waiting for the client would let it hold up
/// everybody else. So the accept loop keeps it here and looks in now and then, never blocking.
pub struct TurnedAway<'a> {
    clients: VecDeque<(TcpStream, Instant)>,
    scoreboard: &'a Scoreboard,
}

impl<'a> TurnedAway<'a> {
    /// Nobody yet; how many there will have been is noted on the scoreboard.
    pub fn new(scoreboard: &'a Scoreboard) -> Self {
        Self {
            clients: VecDeque::new(),
            scoreboard,
        }
    }

    /// Answers 503 and keeps the client until it has read that.
    // ANCHOR: add
    pub fn add(&mut self, mut client: TcpStream) {
        self.scoreboard.turned_away();
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

    /// Closes all of them now, as a child does that has inherited them.
    pub fn close(&mut self) {
        // Nearly always there is nobody: then nothing is called, and no page of code touched.
        if !self.clients.is_empty() {
            self.clients.clear();
        }
    }

    /// Lets those go who have read their answer or have had their time.
    pub fn sweep(&mut self) {
        self.clients
            .retain_mut(|(client, since)| since.elapsed() < LINGER && is_open(client));
    }
}

/// Throws away what the client has sent; false once it has closed.
fn is_open(client: &mut TcpStream) -> bool {
    match client.read(&mut [0; 1024]) {
        Ok(count) => count > 0,
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}
