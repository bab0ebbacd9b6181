//! Accepting where a server listens at several addresses.
//!
//! `accept` waits at one socket, so a server with several waits for all of them with `poll(2)` and
//! then accepts from one that is ready. (UNP section 30.6 calls it a select collision: each
//! connection wakes every process that polls. Apache lets one process at a time poll, which here is
//! `--accept flock` or `mutex`.) Between the two calls another process may take the connection. An
//! `accept` that blocked would then leave the clients of the other sockets waiting, so here no
//! socket blocks.

use std::net::TcpStream;
use std::sync::atomic::Ordering::Relaxed;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use super::Listener;
use super::socket::Socket;
use super::socket::TICK;
use crate::sys::poll::poll_timeout;

/// One call of accept on a socket.
type Accept = fn(&Socket) -> nix::Result<TcpStream>;

impl Listener {
    /// The next connection of any socket. EAGAIN after a tick without one.
    // ANCHOR: wait
    pub(super) fn wait_for_any(&self) -> nix::Result<TcpStream> {
        self.never_block()?;
        match self.first_ready(Socket::accept) {
            Err(Errno::EAGAIN) => {}
            outcome => return outcome,
        }
        let watch = |socket| PollFd::new(socket, PollFlags::POLLIN);
        let mut all: Vec<_> = self.descriptors().map(watch).collect();
        poll(&mut all, poll_timeout(TICK))?;
        self.first_ready(Socket::accept)
    }
    // ANCHOR_END: wait

    /// The next connection of any socket. EAGAIN if there is none.
    pub(super) fn take_any(&self) -> nix::Result<TcpStream> {
        self.never_block()?;
        self.first_ready(Socket::accept)
    }

    /// Tries one socket after the other. Each call begins with another one, so that a busy address
    /// does not keep the clients of the others waiting.
    // ANCHOR: first_ready
    pub(super) fn first_ready(&self, accept: Accept) -> nix::Result<TcpStream> {
        let count = 1 + self.others.len();
        let start = self.turn.fetch_add(1, Relaxed) % count;
        let in_turn = self.sockets().chain(self.sockets());
        for socket in in_turn.skip(start).take(count) {
            match accept(socket) {
                Err(Errno::EAGAIN) => {}
                outcome => return outcome,
            }
        }
        Err(Errno::EAGAIN)
    }
    // ANCHOR_END: first_ready

    /// O_NONBLOCK belongs to the open socket, so all processes of the server feel it. All of them
    /// want it.
    fn never_block(&self) -> nix::Result<()> {
        if !self.is_nonblocking.load(Relaxed) {
            self.sockets().try_for_each(Socket::set_nonblocking)?;
            self.is_nonblocking.store(true, Relaxed);
        }
        Ok(())
    }
}
