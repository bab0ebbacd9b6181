//! The shared listener: every process or thread that holds it may accept from it.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;

use crate::sys::{net, signal};

/// No blocking call on a socket lasts longer than this without a look at the clock and at the
/// wish to stop. A signal between the look and the call costs this much at worst.
const TICK_MS: u32 = 250;

/// How long to wait when the process or the machine is out of descriptors, memory, processes or
/// threads: connections keep in the accept queue meanwhile, and trying again at once would only
/// burn the CPU.
pub const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// The next client, or `None` when the server has stopped.
pub type Accepted = io::Result<Option<TcpStream>>;

/// A listening socket. Whoever owns it can accept; dropping it everywhere closes the port.
pub struct Listener {
    socket: TcpListener,
    /// Once the server stops: how many connections of the accept queue are still to be answered.
    left_to_drain: Cell<Option<u32>>,
}

impl Listener {
    /// Listens on `address` (port 0 picks a free one) with room for `backlog` connections that
    /// nobody has accepted yet.
    pub fn bind(address: SocketAddr, backlog: i32) -> io::Result<Self> {
        Self::adopt(net::listen(address, backlog)?)
    }

    /// A socket that listens already: this process has inherited it.
    pub fn adopt(socket: TcpListener) -> io::Result<Self> {
        net::set_inherited(&socket, TICK_MS)?;
        Ok(Self {
            socket,
            left_to_drain: Cell::new(None),
        })
    }

    /// The address, with the port that was picked.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
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
            let drained = signal::stopping() && self.left_to_drain()? == 0;
            if drained || signal::retiring() {
                return Ok(None);
            }
            match net::accept(&self.socket) {
                Ok(client) => {
                    self.count_taken();
                    return Ok(Some(client));
                }
                Err(Errno::EAGAIN) if self.is_draining() => return Ok(None),
                Err(error) => recover(error)?,
            }
        }
    }
    // ANCHOR_END: accept

    fn is_draining(&self) -> bool {
        self.left_to_drain.get().is_some()
    }

    /// How many of those that were in the queue when the server was asked to stop are left. Without
    /// the count a busy port would never let it. Where somebody else takes one of them the tick
    /// ends the wait; O_NONBLOCK would end it at once, but for all who share the listener, and
    /// those who are not to stop would never wait again.
    // ANCHOR: drain
    fn left_to_drain(&self) -> io::Result<u32> {
        let left = match self.left_to_drain.get() {
            Some(left) => left,
            None => self.waiting()?,
        };
        self.left_to_drain.set(Some(left));
        Ok(left)
    }

    fn count_taken(&self) {
        let left = self.left_to_drain.get();
        self.left_to_drain
            .set(left.map(|left| left.saturating_sub(1)));
    }
    // ANCHOR_END: drain
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What the errors of `accept(2)` ask for: try again, wait, or give up.
// ANCHOR: recover
fn recover(error: Errno) -> io::Result<()> {
    match error {
        // The tick, a signal, or a client that has already gone.
        Errno::EAGAIN | Errno::EINTR | Errno::ECONNABORTED => Ok(()),
        Errno::EMFILE | Errno::ENFILE | Errno::ENOBUFS | Errno::ENOMEM => {
            crate::log!("accept: {}; waiting until that changes", error.desc());
            std::thread::sleep(EXHAUSTED_PAUSE);
            Ok(())
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
        | Errno::EPERM => Ok(()),
        error => Err(error.into()),
    }
}
// ANCHOR_END: recover
