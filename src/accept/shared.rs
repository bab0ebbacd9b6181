//! The shared listener: every process or thread that holds it may accept from it.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use nix::errno::Errno;

use super::asynchronous::AsyncListener;
use crate::sys::{net, signal};

/// No blocking call on a socket lasts longer than this without a look at the clock and at the
/// wish to stop. A signal between the look and the call costs this much at worst.
pub(super) const TICK_MS: u32 = 250;

/// How long to wait when the process or the machine is out of descriptors, memory, processes or
/// threads: connections keep in the accept queue meanwhile, and trying again at once would only
/// burn the CPU.
pub const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// The next client, or `None` when the server has stopped.
pub type Accepted = io::Result<Option<TcpStream>>;

/// A listening socket. Whoever owns it can accept; dropping it everywhere closes the port.
pub struct Listener {
    socket: TcpListener,
    /// Once the server stops: how many connections of the accept queue are still to be answered, by
    /// all threads together. Before that, [`SERVING`].
    left_to_drain: AtomicI64,
}

/// Nothing is to be drained: the server has not been asked to stop, or nobody has looked since.
const SERVING: i64 = -1;

impl Listener {
    /// Listens on `address` (port 0 picks a free one) with room for `backlog` connections that
    /// nobody has accepted yet.
    pub fn bind(address: SocketAddr, backlog: i32) -> io::Result<Self> {
        let socket = net::listen(address, backlog)?;
        net::set_inherited(&socket, TICK_MS)?;
        Ok(Self {
            socket,
            left_to_drain: AtomicI64::new(SERVING),
        })
    }

    /// The same listener for tasks of a runtime: to be called on one of its threads, by the only
    /// process that accepts from it.
    ///
    /// # Errors
    /// The runtime cannot watch it.
    pub fn into_async(self) -> io::Result<AsyncListener> {
        AsyncListener::of(self.socket)
    }

    /// The address, with the port that was picked.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The next connection, or `None` when the server was asked to stop and has taken all that
    /// was in the accept queue at that moment.
    ///
    /// # Errors
    /// Only what waiting cannot cure. A client that left before it was accepted is passed over,
    /// and a lack of descriptors or memory is waited out.
    pub fn accept(&self) -> Accepted {
        self.accept_while(|| {})
    }

    /// [`Listener::accept`], with something to do at least once a tick while nobody comes.
    // ANCHOR: accept
    pub fn accept_while(&self, mut meanwhile: impl FnMut()) -> Accepted {
        loop {
            meanwhile();
            if signal::stopping() && self.left_to_drain()? == 0 {
                return Ok(None);
            }
            match net::accept(&self.socket) {
                Ok(client) => {
                    self.count_taken();
                    return Ok(Some(client));
                }
                Err(Errno::EAGAIN) if self.is_draining() => {
                    // Nobody else has to find out for themselves.
                    self.left_to_drain.store(0, Relaxed);
                    return Ok(None);
                }
                Err(error) => {
                    if recover(error)? == Recovery::Pause {
                        std::thread::sleep(EXHAUSTED_PAUSE);
                    }
                }
            }
        }
    }
    // ANCHOR_END: accept

    fn is_draining(&self) -> bool {
        self.left_to_drain.load(Relaxed) != SERVING
    }

    /// How many of those that were in the queue when the server was asked to stop are left. Without
    /// the count a busy port would never let it. Where somebody else takes one of them the tick
    /// ends the wait; O_NONBLOCK would end it at once, but for all who share the listener, and
    /// those who are not to stop would never wait again.
    // ANCHOR: drain
    fn left_to_drain(&self) -> io::Result<i64> {
        if !self.is_draining() {
            let queued = i64::from(net::accept_queue_length(&self.socket)?);
            // Of several threads the first decides.
            let left = &self.left_to_drain;
            let _ = left.compare_exchange(SERVING, queued, Relaxed, Relaxed);
        }
        Ok(self.left_to_drain.load(Relaxed))
    }

    fn count_taken(&self) {
        let one_less = |left: i64| (left > 0).then(|| left - 1);
        // Nothing is counted before the stop: that is no error here.
        let _ = self.left_to_drain.fetch_update(Relaxed, Relaxed, one_less);
    }
    // ANCHOR_END: drain
}

/// What an error that passes asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recovery {
    /// Another try at once.
    Retry,
    /// [`EXHAUSTED_PAUSE`] first.
    Pause,
}

/// What the errors of `accept(2)` ask for: try again, wait, or give up.
// ANCHOR: recover
pub(super) fn recover(error: Errno) -> io::Result<Recovery> {
    use Recovery::{Pause, Retry};
    match error {
        // The tick, a signal, or a client that has already gone.
        Errno::EAGAIN | Errno::EINTR | Errno::ECONNABORTED => Ok(Retry),
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => {
            let what = error.desc();
            crate::log!("accept: {what}; waiting until that changes");
            Ok(Pause)
        }
        // Linux hands errors that were pending on the new socket to accept:
        // they are that connection's end and nobody else's (accept(2)).
        Errno::ENETDOWN
        | Errno::EPROTO
        | Errno::ENOPROTOOPT
        | Errno::EHOSTDOWN
        | Errno::ENONET
        | Errno::EHOSTUNREACH
        | Errno::EOPNOTSUPP
        | Errno::ENETUNREACH
        | Errno::ETIMEDOUT
        | Errno::EPERM => Ok(Retry),
        error => Err(error.into()),
    }
}
// ANCHOR_END: recover
