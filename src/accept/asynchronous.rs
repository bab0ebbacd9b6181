//! The listener of a runtime: a task accepts, and the runtime wakes it when a client comes.

use std::io;

use nix::errno::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::errors::{self, EXHAUSTED_PAUSE, is_lasting, log_exhausted, recover};
use super::listener::{Listener, TICK};
use crate::sys::{net, signal};

/// A listening socket that belongs to a runtime. It is non-blocking, so no other process may share
/// it.
pub struct AsyncListener {
    socket: TcpListener,
    /// Once the server stops: how many connections of the accept queue are still to be answered.
    left_to_drain: Option<u32>,
}

impl AsyncListener {
    /// To be called on a thread of the runtime, by the only process that accepts from `listener`.
    ///
    /// # Errors
    /// The runtime cannot watch it.
    pub fn new(listener: Listener) -> io::Result<Self> {
        let socket = listener.into_socket();
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: TcpListener::from_std(socket)?,
            left_to_drain: None,
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
            if signal::stopping() {
                return self.drain().await;
            }
            match timeout(TICK, self.socket.accept()).await {
                Ok(Ok((client, _))) => {
                    errors::accepted();
                    return Ok(Some(client));
                }
                Ok(Err(error)) => pause(&error).await?,
                Err(_tick) => {}
            }
        }
    }
    // ANCHOR_END: accept

    /// What was in the accept queue when the server was asked to stop, one connection a call.
    async fn drain(&mut self) -> io::Result<Option<TcpStream>> {
        loop {
            let left = match self.left_to_drain {
                Some(left) => left,
                None => net::accept_queue_length(&self.socket)?,
            };
            self.left_to_drain = Some(left);
            if left == 0 {
                return Ok(None);
            }
            // Straight from the kernel: the runtime may not have been told of them yet.
            match net::accept(&self.socket) {
                Ok(client) => {
                    self.left_to_drain = Some(left - 1);
                    client.set_nonblocking(true)?;
                    return TcpStream::from_std(client).map(Some);
                }
                Err(Errno::EAGAIN) => return Ok(None),
                Err(error) => pause(&error.into()).await?,
            }
        }
    }
}

/// Waits for as long as the error asks for. Other tasks run meanwhile.
async fn pause(error: &io::Error) -> io::Result<()> {
    // Every error of accept(2) has a number.
    let errno = Errno::from_raw(error.raw_os_error().unwrap_or(libc::EINVAL));
    if !is_lasting(errno) {
        return recover(errno);
    }
    log_exhausted(errno);
    sleep(EXHAUSTED_PAUSE).await;
    Ok(())
}
