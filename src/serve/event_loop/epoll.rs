//! Waiting with `epoll(7)`: the list stays in the kernel, which returns only the sockets that are
//! ready.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{self, EpollCreateFlags, EpollEvent, EpollFlags};

use super::poller::{Poller, Ready};
use super::slab::Token;
use crate::accept::Listener;
use crate::serve::readiness::{Interest, Readiness};
use crate::server::Trigger;
use crate::sys::poll::poll_timeout;

/// How many sockets one wait may report. The next wait reports those that did not fit.
const EVENTS_MAX: usize = 512;
/// Stands for the listener where clients have their token.
const LISTENER: u64 = u64::MAX;

/// A list of interest in the kernel.
#[derive(Debug)]
pub struct Epoll {
    list: epoll::Epoll,
    trigger: Trigger,
    /// The flags that the listener is watched with besides EPOLLIN.
    listener: EpollFlags,
    events: Vec<EpollEvent>,
}

impl Epoll {
    /// An empty list.
    ///
    /// # Errors
    /// EMFILE, ENFILE and ENOMEM (`epoll_create(2)`).
    pub fn new(trigger: Trigger) -> io::Result<Self> {
        Ok(Self {
            list: epoll::Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            trigger,
            listener: EpollFlags::empty(),
            events: vec![EpollEvent::empty(); EVENTS_MAX],
        })
    }

    /// Of all processes that watch the same listener like this, a new client wakes one.
    pub fn exclusive(mut self) -> Self {
        self.listener = EpollFlags::EPOLLEXCLUSIVE;
        self
    }
}

impl Poller for Epoll {
    fn watch_listener(&mut self, listener: &Listener) -> io::Result<()> {
        let event = EpollEvent::new(EpollFlags::EPOLLIN | self.listener, LISTENER);
        let mut sockets = listener.descriptors();
        Ok(sockets.try_for_each(|socket| self.list.add(socket, event))?)
    }

    /// Closing the listener's descriptor would not be enough. The list refers to the open socket,
    /// which other processes hold as well (`epoll(7)`, "Questions and answers").
    fn ignore_listener(&mut self, listener: &Listener) -> io::Result<()> {
        let mut sockets = listener.descriptors();
        Ok(sockets.try_for_each(|socket| self.list.delete(socket))?)
    }

    // ANCHOR: watch
    fn watch(
        &mut self,
        client: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        before: Option<Interest>,
    ) -> io::Result<()> {
        let events = events(self.trigger, interest);
        let mut event = EpollEvent::new(events, token.to_bits());
        match before {
            None => self.list.add(client, event)?,
            // Both kinds of edges are reported since the socket was added.
            Some(_) if self.trigger == Trigger::Edge => {}
            Some(before) if before == interest => {}
            Some(_) => self.list.modify(client, &mut event)?,
        }
        Ok(())
    }
    // ANCHOR_END: watch

    /// No other process holds the socket, so closing it is enough, and saves a system call.
    fn forget(&mut self, _: Token) {}

    // ANCHOR: wait
    fn wait(&mut self, time: Duration, out: &mut Vec<Ready>) -> io::Result<()> {
        let timeout = poll_timeout(time);
        let count = match self.list.wait(&mut self.events, timeout) {
            Err(Errno::EINTR) => 0,
            outcome => outcome?,
        };
        for event in &self.events[..count] {
            out.push(match event.data() {
                LISTENER => Ready::Listener,
                bits => {
                    let token = Token::from_bits(bits);
                    Ready::Client(token, readiness(event.events()))
                }
            });
        }
        listener_first(out);
        Ok(())
    }
    // ANCHOR_END: wait
}

/// What the kernel is to report. With edge triggering it is told once and for good: it reports each
/// change of a socket, whatever the connection waits for at that time.
// ANCHOR: events
fn events(trigger: Trigger, interest: Interest) -> EpollFlags {
    match (trigger, interest) {
        (Trigger::Level, Interest::Readable) => EpollFlags::EPOLLIN,
        (Trigger::Level, Interest::Writable) => EpollFlags::EPOLLOUT,
        (Trigger::Edge, _) => {
            EpollFlags::EPOLLET
                | EpollFlags::EPOLLIN
                | EpollFlags::EPOLLOUT
                | EpollFlags::EPOLLRDHUP
        }
    }
}
// ANCHOR_END: events

fn listener_first(ready: &mut [Ready]) {
    if let Some(at) = ready.iter().position(|ready| *ready == Ready::Listener) {
        ready.swap(0, at);
    }
}

/// A read or a write returns the error of a broken connection, so both are worth a try.
fn readiness(events: EpollFlags) -> Readiness {
    let broken = events.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR);
    let ended = broken || events.contains(EpollFlags::EPOLLRDHUP);
    Readiness {
        readable: ended || events.contains(EpollFlags::EPOLLIN),
        writable: broken || events.contains(EpollFlags::EPOLLOUT),
        ended,
    }
}
