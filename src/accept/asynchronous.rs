//! The listener of a runtime: a task accepts, and is woken when somebody comes.

use std::io;

use nix::errno::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::shared::{EXHAUSTED_PAUSE, TICK, is_lasting, recover};
use crate::sys::{net, signal};

/// A listening socket that belongs to a runtime. It is non-blocking, so it must be shared with no
/// other process.
pub struct AsyncListener {
    socket: TcpListener,
    /// Once the server stops: how many connections of the accept queue are still to be answered.
    left_to_drain: Option<u32>,
}

impl AsyncListener {
    pub(super) fn of(socket: std::net::TcpListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: TcpListener::from_std(socket)?,
            left_to_drain: None,
        })
    }

    /// [`Listener::accept_while`](super::Listener::accept_while) for a task.
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
                Ok(Ok((client, _))) => return Ok(Some(client)),
                Ok(Err(error)) => pause(&error).await?,
                Err(_tick) => {}
            }
        }
    }
    // ANCHOR_END: accept

    /// What was in the accept queue when the server was asked to stop, one by one.
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
            // Straight from the kernel: the runtime may not have heard of them yet.
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

/// Waits for as long as the error asks for, without holding up other tasks.
async fn pause(error: &io::Error) -> io::Result<()> {
    // Whatever accept(2) fails with has a number.
    let errno = Errno::from_raw(error.raw_os_error().unwrap_or(libc::EINVAL));
    if !is_lasting(errno) {
        return recover(errno);
    }
    crate::log!("accept: {}; waiting until that changes", errno.desc());
    sleep(EXHAUSTED_PAUSE).await;
    Ok(())
}
