//! Waiting with `epoll(7)`: the list stays in the kernel, and only who is ready comes back.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{self, EpollCreateFlags, EpollEvent, EpollFlags};

use super::poller::{Interest, Poller, Ready, Signs};
use super::slab::Token;
use crate::sys::poll::poll_timeout;

/// How many may come back from one wait; whoever does not fit in comes back from the next.
const EVENTS_MAX: usize = 512;
/// Stands for the listener where others have their token.
const LISTENER: u64 = u64::MAX;

/// When the kernel reports a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// As long as it is ready: with each wait.
    Level,
    /// When it becomes ready: once. Whoever does not use that up has to remember it.
    Edge,
}

/// A list of interest in the kernel.
#[derive(Debug)]
pub struct Epoll {
    list: epoll::Epoll,
    trigger: Trigger,
    /// Besides EPOLLIN, what the listener is watched with.
    listener: EpollFlags,
    events: Vec<EpollEvent>,
}

impl Epoll {
    /// One that waits for nobody.
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

    /// Of all who watch the same listener like this, a new client wakes one.
    pub fn exclusive(mut self) -> Self {
        self.listener = EpollFlags::EPOLLEXCLUSIVE;
        self
    }
}

impl Poller for Epoll {
    fn watch_listener(&mut self, listener: BorrowedFd<'_>) -> io::Result<()> {
        let events = EpollFlags::EPOLLIN | self.listener;
        self.list.add(listener, EpollEvent::new(events, LISTENER))?;
        Ok(())
    }

    /// To close the listener would not do: the list refers to the open socket, which others hold as
    /// well, and not to the descriptor (`epoll(7)`, "Questions and answers").
    fn ignore_listener(&mut self, listener: BorrowedFd<'_>) -> io::Result<()> {
        Ok(self.list.delete(listener)?)
    }

    // ANCHOR: watch
    fn watch(
        &mut self,
        client: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        before: Option<Interest>,
    ) -> io::Result<()> {
        let events = self.trigger.events(interest);
        let mut event = EpollEvent::new(events, token.to_bits());
        match before {
            None => self.list.add(client, event)?,
            // Edges of both kinds are reported from the first day on.
            Some(_) if self.trigger == Trigger::Edge => {}
            Some(before) if before == interest => {}
            Some(_) => self.list.modify(client, &mut event)?,
        }
        Ok(())
    }
    // ANCHOR_END: watch

    /// Nobody else holds the socket, so closing it is enough, and saves a system call.
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
                    Ready::Client(token, signs(event.events()))
                }
            });
        }
        listener_first(out);
        Ok(())
    }
    // ANCHOR_END: wait
}

impl Trigger {
    /// Both of them, the default first.
    pub const ALL: [Self; 2] = [Self::Level, Self::Edge];

    /// What the command line calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Edge => "edge",
        }
    }

    /// One line for people.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Level => "reported as long as they are ready",
            Self::Edge => "reported when they become ready, once",
        }
    }

    // ANCHOR: events
    fn events(self, interest: Interest) -> EpollFlags {
        match (self, interest) {
            (Self::Level, Interest::Readable) => EpollFlags::EPOLLIN,
            (Self::Level, Interest::Writable) => EpollFlags::EPOLLOUT,
            (Self::Edge, _) => {
                EpollFlags::EPOLLET
                    | EpollFlags::EPOLLIN
                    | EpollFlags::EPOLLOUT
                    | EpollFlags::EPOLLRDHUP
            }
        }
    }
    // ANCHOR_END: events
}

fn listener_first(ready: &mut [Ready]) {
    if let Some(at) = ready.iter().position(|ready| *ready == Ready::Listener) {
        ready.swap(0, at);
    }
}

/// An error shows itself to whoever reads or writes, so both are worth a try.
fn signs(events: EpollFlags) -> Signs {
    let broken = events.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR);
    let ended = broken || events.contains(EpollFlags::EPOLLRDHUP);
    Signs {
        readable: ended || events.contains(EpollFlags::EPOLLIN),
        writable: broken || events.contains(EpollFlags::EPOLLOUT),
        ended,
    }
}
