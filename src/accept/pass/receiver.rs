//! A worker's end of its channel.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::messages::{order, report};
use crate::accept::errors::EXHAUSTED_PAUSE;
use crate::accept::{Accepted, Acceptor};
use crate::sys::line_counts::Common;
use crate::sys::outage::Outage;
use crate::sys::{log_files, passing, signal};

/// What a worker gets its clients from.
pub(super) struct Receiver {
    channel: OwnedFd,
    said: Mutex<Said>,
}

/// What the master has been told since the last order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Idle,
    Leaving,
}

impl Receiver {
    pub(super) fn new(channel: OwnedFd) -> Self {
        let said = Mutex::new(Said::Nothing);
        Self { channel, said }
    }
}

impl Acceptor for Receiver {
    /// The next client, or `None` when the master lets this worker go: the worker was asked to
    /// stop, and no client is left for it. It does not go by itself, because the master may be
    /// passing it a client at that moment, or may need it to drain the accept queue.
    // ANCHOR: accept
    fn accept_while(&self, meanwhile: &mut dyn FnMut()) -> Accepted {
        loop {
            meanwhile();
            log_files::follow();
            self.report()?;
            let message = match passing::receive(&self.channel) {
                Ok(Some(message)) => message,
                // No process holds the other end: the master is dead.
                Ok(None) => return Ok(None),
                Err(error) if passing::is_tick(error) => continue,
                Err(error) => return Err(error.into()),
            };
            *self.said() = Said::Nothing;
            match (message.byte, message.descriptor) {
                (order::SERVE, Some(client)) => {
                    LOST.worked();
                    return Ok(Some(TcpStream::from(client)));
                }
                (order::SERVE, None) => lost(),
                _ => return Ok(None),
            }
        }
    }
    // ANCHOR_END: accept
}

impl Receiver {
    /// Tells the master what it does not know yet.
    fn report(&self) -> io::Result<()> {
        let mut last = self.said();
        let leaves = signal::stopping() || signal::retiring();
        let (byte, said) = match (*last, leaves) {
            (Said::Nothing, false) => (report::IDLE, Said::Idle),
            (Said::Nothing, true) => (report::LEAVING, Said::Leaving),
            (Said::Idle, true) => (report::CHANGED_MY_MIND, Said::Leaving),
            _ => return Ok(()),
        };
        passing::send(&self.channel, byte, None)?;
        *last = said;
        Ok(())
    }

    /// What was reported last. It is a number, so a panic cannot leave it half written.
    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The kernel had no descriptor for a client, and dropped it.
static LOST: Outage = Outage::common("a client was lost", Common::Passed);

fn lost() {
    LOST.failed("no descriptor for it");
    thread::sleep(EXHAUSTED_PAUSE);
}
