//! The shared listener: every process or thread that holds it may accept from it.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use nix::errno::Errno;

use super::asynchronous::AsyncListener;
use crate::sys::{net, reuseport, signal};

/// No blocking call on a socket lasts longer than this without a look at the clock and at the
/// wish to stop. A signal between the look and the call costs this much at worst.
pub const TICK_MS: u32 = 250;

/// The same as a duration.
pub(super) const TICK: Duration = Duration::from_millis(TICK_MS as u64);

/// How long to wait when the process or the machine is out of descriptors, memory, processes or
/// threads: connections keep in the accept queue meanwhile, and trying again at once would only
/// burn the CPU.
pub const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// The next client, or `None` when the server has stopped.
pub type Accepted = io::Result<Option<TcpStream>>;

/// What came of a try to accept.
pub enum Attempt {
    /// A client.
    Client(TcpStream),
    /// There is nobody in the accept queue.
    Nobody,
    /// Somebody is there, but no descriptor or no memory is to be had, or it fails for a reason
    /// that nobody has foreseen.
    Exhausted(Errno),
    /// The server stops, and has taken all that were in the queue when it was asked to; or this
    /// worker is to leave them to the others.
    Over,
}

/// A listening socket. Whoever owns it can accept; dropping it everywhere closes the port.
pub struct Listener {
    socket: TcpListener,
    /// Others on the same port that came with it; see [`Listener::with`].
    siblings: Vec<Self>,
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
        Self::of(net::listen(address, backlog)?)
    }

    /// A socket that listens already: this process has inherited it.
    pub fn adopt(socket: TcpListener) -> io::Result<Self> {
        Self::of(socket)
    }

    /// Another listener on the same port, with an accept queue of its own, as long as this one's.
    ///
    /// # Errors
    /// See [`reuseport::listen_beside`].
    pub fn beside(&self) -> io::Result<Self> {
        Self::of(reuseport::listen_beside(&self.socket)?)
    }

    /// This listener together with others on its port, in the order in which all of them began to
    /// listen: what a process inherits whose predecessor had a listener for each worker.
    pub fn with(mut self, siblings: Vec<Self>) -> Self {
        self.siblings = siblings;
        self
    }

    /// How many they are with this one.
    pub fn count(&self) -> usize {
        1 + self.siblings.len()
    }

    /// The others, which are to be held from now on by whoever takes them.
    pub(super) fn take_siblings(&mut self) -> Vec<Self> {
        std::mem::take(&mut self.siblings)
    }

    fn of(socket: TcpListener) -> io::Result<Self> {
        net::set_inherited(&socket, TICK_MS)?;
        Ok(Self {
            socket,
            siblings: Vec::new(),
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

    /// Connections that the kernel lets wait here: what was asked for, or net.core.somaxconn.
    pub fn queue_limit(&self) -> io::Result<u32> {
        Ok(net::accept_queue_limit(&self.socket)?)
    }

    /// Connections that wait in the accept queue.
    pub fn waiting(&self) -> io::Result<u32> {
        Ok(net::accept_queue_length(&self.socket)?)
    }

    /// The next connection, or `None` when the server was asked to stop and has taken all that
    /// was in the accept queue at that moment, or when this worker is to leave it to others.
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
            if self.is_finished()? {
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
                Err(error) => recover(error)?,
            }
        }
    }
    // ANCHOR_END: accept

    /// Whether the server was asked to stop and all who were in the accept queue then are taken, or
    /// this worker is to leave them to the others.
    pub(super) fn is_finished(&self) -> io::Result<bool> {
        Ok(signal::retiring() || signal::stopping() && self.left_to_drain()? == 0)
    }

    /// `accept` as it is, for the master that takes clients on behalf of others.
    pub(super) fn accept_one(&self) -> nix::Result<TcpStream> {
        let client = net::accept(&self.socket)?;
        self.count_taken();
        Ok(client)
    }

    /// From now on no accept waits: neither in this process nor in any other that holds the
    /// listener, since the flag belongs to the open socket (`open(2)`). So it is for models whose
    /// processes all want that, each before its first accept.
    ///
    /// # Errors
    /// None that a listening socket knows.
    pub fn set_nonblocking(&self) -> io::Result<()> {
        self.socket.set_nonblocking(true)
    }

    /// One try to accept, for loops that must not wait; the connection does not block either.
    ///
    /// # Errors
    /// As [`Listener::accept`].
    // ANCHOR: try_accept
    pub fn try_accept(&self) -> io::Result<Attempt> {
        loop {
            if self.is_finished()? {
                return Ok(Attempt::Over);
            }
            match net::accept_nonblocking(&self.socket) {
                Ok(client) => {
                    self.count_taken();
                    return Ok(Attempt::Client(client));
                }
                Err(Errno::EAGAIN) if self.is_draining() => {
                    return Ok(Attempt::Over);
                }
                Err(Errno::EAGAIN) => return Ok(Attempt::Nobody),
                Err(error) if is_lasting(error) => {
                    return Ok(Attempt::Exhausted(error));
                }
                Err(error) => recover(error)?,
            }
        }
    }
    // ANCHOR_END: try_accept

    fn is_draining(&self) -> bool {
        self.left_to_drain.load(Relaxed) != SERVING
    }

    /// How many of those that were in the queue when the server was asked to stop are left, as far
    /// as nobody else has taken them. Without the count a busy port would never let it stop.
    /// O_NONBLOCK would do, but for all who share the listener, and those who are not to stop would
    /// never wait again.
    // ANCHOR: drain
    pub(super) fn left_to_drain(&self) -> io::Result<i64> {
        let queued = i64::from(self.waiting()?);
        // Of several threads the first decides.
        let left = &self.left_to_drain;
        let _ = left.compare_exchange(SERVING, queued, Relaxed, Relaxed);
        Ok(left.fetch_min(queued, Relaxed).min(queued))
    }

    pub(super) fn count_taken(&self) {
        let one_less = |left: i64| (left > 0).then(|| left - 1);
        // Nothing is counted before the stop: that is no error here.
        let _ = self.left_to_drain.fetch_update(Relaxed, Relaxed, one_less);
    }
    // ANCHOR_END: drain
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Whether another try at once would fail again.
pub(super) fn is_lasting(error: Errno) -> bool {
    cure(error) == Cure::Wait
}

/// Does what an error of `accept(2)` asks for.
// ANCHOR: recover
pub(super) fn recover(error: Errno) -> io::Result<()> {
    match cure(error) {
        Cure::GoOn => Ok(()),
        Cure::Wait => {
            crate::log!("accept: {}; waiting until that changes", error.desc());
            std::thread::sleep(EXHAUSTED_PAUSE);
            Ok(())
        }
        Cure::End => Err(error.into()),
    }
}

fn cure(error: Errno) -> Cure {
    use Cure::{End, GoOn, Wait};
    match error {
        // The tick, a signal, or a client that has already gone.
        Errno::EAGAIN | Errno::EINTR | Errno::ECONNABORTED => GoOn,
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
        | Errno::ENOSR
        | Errno::ESOCKTNOSUPPORT
        | Errno::EPROTONOSUPPORT => GoOn,
        // No listening socket at all: a mistake of this program.
        Errno::EBADF | Errno::EFAULT | Errno::EINVAL | Errno::ENOTSOCK => End,
        // No descriptors (EMFILE, ENFILE), no memory (ENOBUFS, ENOMEM), a
        // rule that forbids it (EPERM), or what nobody has foreseen.
        _ => Wait,
    }
}
// ANCHOR_END: recover

/// What helps against an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cure {
    GoOn,
    Wait,
    End,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever ends of what he does not know can be ended from afar, and whoever goes on at once
    /// may turn for ever.
    #[test]
    fn what_nobody_has_foreseen_is_waited_out() {
        for error in (1..4096).map(Errno::from_raw) {
            let is_mistake = matches!(
                error,
                Errno::EBADF | Errno::EFAULT | Errno::EINVAL | Errno::ENOTSOCK
            );
            assert_eq!(cure(error) == Cure::End, is_mistake, "{error}");
        }
        for error in [
            Errno::EMFILE,
            Errno::ENFILE,
            Errno::ENOBUFS,
            Errno::ENOMEM,
            Errno::EPERM,
            Errno::EACCES,
            Errno::UnknownErrno,
        ] {
            assert!(is_lasting(error), "{error}");
        }
        for error in [Errno::ENOSR, Errno::ESOCKTNOSUPPORT, Errno::EPROTONOSUPPORT] {
            assert_eq!(cure(error), Cure::GoOn, "{error}");
        }
    }
}
