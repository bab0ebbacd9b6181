//! The listener of a runtime: a task accepts, and the runtime wakes it when a client comes.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::task::Poll;

use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::errors::EXHAUSTED_PAUSE;
use super::listener::{Attempt, Listener};
use super::socket::TICK;
use crate::sys::{signal, watched};

/// A listening socket that belongs to a runtime. It is non-blocking, so no other process may share
/// it.
pub struct AsyncListener {
    /// The runtime's view of each socket.
    watched: Vec<AsyncFd<OwnedFd>>,
    listener: Listener,
}

impl AsyncListener {
    /// To be called on a thread of the runtime, by the only process that accepts from `listener`.
    ///
    /// # Errors
    /// The runtime cannot watch it.
    pub fn new(listener: Listener) -> io::Result<Self> {
        listener.set_nonblocking()?;
        let watched = listener.descriptors().map(watched::readable);
        Ok(Self {
            watched: watched.collect::<io::Result<_>>()?,
            listener,
        })
    }

    /// [`Listener::accept_while`] for a task.
    ///
    /// # Errors
    /// The same.
    // ANCHOR: accept
    pub async fn accept_while(
        &mut self,
        mut meanwhile: impl FnMut(),
    ) -> io::Result<Option<TcpStream>> {
        loop {
            meanwhile();
            // The queue is drained straight from the kernel: the runtime may
            // not have been told of all connections yet.
            let ready = match signal::stopping() {
                true => None,
                false => timeout(TICK, readable(&self.watched)).await.ok(),
            };
            match self.listener.try_accept()? {
                Attempt::Client(client) => {
                    return TcpStream::from_std(client).map(Some);
                }
                Attempt::Empty => {
                    if let Some(mut ready) = ready.transpose()? {
                        ready.clear_ready();
                    }
                }
                Attempt::Exhausted => sleep(EXHAUSTED_PAUSE).await,
                Attempt::Over => return Ok(None),
            }
        }
    }
    // ANCHOR_END: accept
}

/// Waits until a connection is in the accept queue of one of the sockets.
async fn readable(sockets: &[AsyncFd<OwnedFd>]) -> io::Result<AsyncFdReadyGuard<'_, OwnedFd>> {
    poll_fn(|context| {
        for socket in sockets {
            if let Poll::Ready(ready) = socket.poll_read_ready(context) {
                return Poll::Ready(ready);
            }
        }
        Poll::Pending
    })
    .await
}
