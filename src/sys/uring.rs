//! `io_uring(7)`: operations are handed to the kernel, and come back done.
//!
//! ```text
//!           submission queue                         completion queue
//!   send ─▶ │ send to 7 │ close 3 │ ─▶ the kernel ─▶ │ sent to 7 │ received from 9 │ ─▶ take
//!           └────────────── one system call for all of it: wait ─────────────────┘
//! ```
//!
//! From the moment when an operation is handed over until its completion has come, the memory that
//! it names belongs to the kernel: nobody else may change it, move it or free it. No lifetime of
//! the language covers that time, since it ends with an event. So ownership does:
//!
//! - What is sent, and what a file is read into, belongs to a [`Parcel`], which goes to the ring
//!   with the operation and comes back with the completion. In between there is nobody who could
//!   touch it. It must be `'static`, as what a thread is given must be: nothing that it borrows
//!   from its caller can end too early.
//! - What is received lies in buffers that belong to the ring. The kernel picks one when there is
//!   something to put into it, so an idle connection has none.
//! - A ring that is dropped with operations in flight leaks their memory.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd, SubmitArgs, Timespec};
use io_uring::{Builder, IoUring, Probe, cqueue, opcode};
use nix::errno::Errno;

use super::received::Buffers;

/// Entries of the submission queue. If more are pushed between two waits, it costs a system call
/// more.
const SUBMISSIONS: u32 = 1024;
/// Entries of the completion queue. What does not fit waits in the kernel.
const COMPLETIONS: u32 = 4096;

/// Memory that an operation reads from or writes to. While the kernel has it, nobody else does.
pub trait Parcel: 'static {
    /// What is to be sent.
    fn octets(&self) -> &[u8];

    /// What is to be read, if anything is: the file, from where in it, and into which memory.
    fn part(&mut self) -> Option<(BorrowedFd<'_>, u64, &mut [u8])>;
}

/// An operation that is done, or a part of one that goes on. `key` is what its caller has called
/// the connection.
pub enum Done<P> {
    /// Somebody has connected, or accepting has failed. Unless `goes_on`, there will be no more.
    Accepted {
        /// The connection, close-on-exec.
        client: nix::Result<TcpStream>,
        /// Whether the operation is still in flight.
        goes_on: bool,
    },
    /// Octets have arrived: [`Ring::received`] has them. None mean the end of the connection.
    Received {
        /// Whose they are.
        key: usize,
        /// How many. ENOBUFS if there was no buffer for them: ask again.
        count: nix::Result<usize>,
        /// Whether the operation is still in flight.
        goes_on: bool,
    },
    /// Octets have been sent, maybe not all of them.
    Sent {
        /// Whose they were.
        key: usize,
        /// How many.
        count: nix::Result<usize>,
        /// What they were sent from.
        parcel: Box<P>,
    },
    /// A part of a file has been read, maybe less than there was room for; none at its end.
    Read {
        /// For whom.
        key: usize,
        /// How many octets.
        count: nix::Result<usize>,
        /// Where they are.
        parcel: Box<P>,
    },
}

/// A ring and the memory of all operations that are in flight in it.
///
/// Of a socket or file an operation notes the number, until the next wait hands it over; the kernel
/// then holds it by itself. So who has asked for something closes by [`Ring::close`], which keeps
/// its turn, and not by dropping.
pub struct Ring<P: Parcel> {
    ring: IoUring,
    buffers: Buffers,
    /// By key: parcels that the kernel has. Pointers, because a `Box` may not be moved while
    /// somebody else uses what is in it.
    away: Vec<*mut P>,
    /// Operations that name memory of ours and have not come to their end.
    in_flight: usize,
    /// Completions that had come when the last wait was over and have not been taken.
    ready: usize,
    has_multishot_receive: bool,
}

/// Operations, as the low bits of the number by which a completion is known; the key is above.
mod operation {
    pub(super) const ACCEPT: u64 = 0;
    pub(super) const RECEIVE: u64 = 1;
    pub(super) const SEND: u64 = 2;
    pub(super) const READ: u64 = 3;
    /// Nobody waits for it, and it names no memory: closing and cancelling.
    pub(super) const ASIDE: u64 = 4;
    pub(super) const BITS: u32 = 3;
}

/// What can be cancelled of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// Receiving from it.
    Receive,
    /// Sending to it.
    Send,
}

/// Whether there could be a [`Ring`].
///
/// # Errors
/// As for [`Ring::create`].
pub fn check() -> io::Result<()> {
    let ring = set_up().map_err(explain)?;
    Buffers::register(&ring).map(drop).map_err(explain)
}

impl<P: Parcel> Ring<P> {
    /// A ring for the current thread.
    ///
    /// # Errors
    /// The kernel has no io_uring, or one before Linux 5.19, or somebody has forbidden it; the
    /// message says what can be done.
    pub fn create() -> io::Result<Self> {
        Self::on(set_up().map_err(explain)?)
    }

    /// As on older kernels, from the newest on: the last ones cannot receive many times at once.
    #[cfg(test)]
    pub(crate) fn create_old_ones() -> Vec<Self> {
        let build = |settings: Builder| Self::on(settings.build(SUBMISSIONS).unwrap()).unwrap();
        let mut rings: Vec<Self> = settings().into_iter().map(build).collect();
        for ring in &mut rings[2..] {
            ring.has_multishot_receive = false;
        }
        rings
    }

    fn on(ring: IoUring) -> io::Result<Self> {
        let buffers = Buffers::register(&ring).map_err(explain)?;
        let has_multishot_receive = has_multishot_receive(&ring);
        Ok(Self {
            ring,
            buffers,
            away: Vec::new(),
            in_flight: 0,
            ready: 0,
            has_multishot_receive,
        })
    }

    /// Accepts until it is cancelled or fails: one operation, a completion for each connection.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    pub fn accept(&mut self, listener: BorrowedFd<'_>) -> nix::Result<()> {
        let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).flags(libc::SOCK_CLOEXEC);
        self.begin(&accept.build(), operation::ACCEPT, 0)
    }

    /// Has accepting come to an end: a last completion follows, at once.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    pub fn cancel_accept(&mut self) -> nix::Result<()> {
        self.cancel_operation(operation::ACCEPT, 0)
    }

    /// Receives once or, where the kernel can and if `many`, until it is cancelled or fails.
    /// Whether it is many.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    pub fn receive(&mut self, key: usize, client: &TcpStream, many: bool) -> nix::Result<bool> {
        let client = Fd(client.as_raw_fd());
        let many = many && self.has_multishot_receive;
        let receive = if many {
            opcode::RecvMulti::new(client, Buffers::GROUP).build()
        } else {
            let size = Buffers::SIZE as u32;
            opcode::Recv::new(client, std::ptr::null_mut(), size)
                .buf_group(Buffers::GROUP)
                .build()
                .flags(Flags::BUFFER_SELECT)
        };
        self.begin(&receive, operation::RECEIVE, key)?;
        Ok(many)
    }

    /// The octets of the completion that [`Ring::take`] has just returned. The next call of that
    /// gives their buffer back to the kernel.
    pub fn received(&self) -> &[u8] {
        self.buffers.filled()
    }

    /// Sends [`Parcel::octets`] or the beginning of them. A client that has gone is an error and
    /// no signal.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    ///
    /// # Panics
    /// The ring still has another parcel of that key.
    pub fn send(&mut self, key: usize, client: &TcpStream, parcel: Box<P>) -> nix::Result<()> {
        let parcel = self.lend(key, parcel);
        // SAFETY: the pointer is that of a box which nobody has but the
        // ring, until the completion has come.
        let octets = unsafe { (*parcel).octets() };
        let length = octets.len().min(i32::MAX as usize) as u32;
        let client = Fd(client.as_raw_fd());
        let send = opcode::Send::new(client, octets.as_ptr(), length)
            .flags(libc::MSG_NOSIGNAL)
            .build();
        self.begin(&send, operation::SEND, key)
    }

    /// Reads a [`Parcel::part`] of a file, or the beginning of it.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    ///
    /// # Panics
    /// The ring still has another parcel of that key.
    pub fn read(&mut self, key: usize, parcel: Box<P>) -> nix::Result<()> {
        let parcel = self.lend(key, parcel);
        // SAFETY: as in `send`.
        let Some((file, offset, space)) = (unsafe { (*parcel).part() }) else {
            return Err(Errno::EINVAL);
        };
        let length = space.len().min(i32::MAX as usize) as u32;
        let file = Fd(file.as_raw_fd());
        let read = opcode::Read::new(file, space.as_mut_ptr(), length).offset(offset);
        self.begin(&read.build(), operation::READ, key)
    }

    /// Asks for an early end of an operation. Its completion follows, with ECANCELED or with what
    /// it had come to before.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    pub fn cancel(&mut self, key: usize, what: Cancel) -> nix::Result<()> {
        match what {
            Cancel::Receive => self.cancel_operation(operation::RECEIVE, key),
            Cancel::Send => self.cancel_operation(operation::SEND, key),
        }
    }

    /// Closes a connection, after all that has been asked for before. What is still in flight on
    /// it keeps it open.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    pub fn close(&mut self, client: TcpStream) -> nix::Result<()> {
        let close = opcode::Close::new(Fd(client.into_raw_fd())).build();
        self.push(&aside(close))
    }

    /// Hands over what has been asked for and waits until something is done, a signal comes or
    /// `timeout` has passed.
    ///
    /// # Errors
    /// Only those of a program that uses the ring wrongly.
    pub fn wait(&mut self, timeout: Duration) -> nix::Result<()> {
        let timeout = Timespec::from(timeout);
        let arguments = SubmitArgs::new().timespec(&timeout);
        forgive(self.ring.submitter().submit_with_args(1, &arguments))?;
        self.ready = self.ring.completion().len();
        Ok(())
    }

    /// The next of the completions that had come when the last wait was over. Those that come in
    /// between are left to the next turn, so that there is an end to each.
    pub fn take(&mut self) -> Option<Done<P>> {
        self.buffers.give_back();
        while self.ready > 0 {
            self.ready -= 1;
            let entry = self.ring.completion().next()?;
            if let Some(done) = self.sort(&entry) {
                return Some(done);
            }
        }
        None
    }

    /// What a completion means to the ring's user; nothing, if it only says that something could
    /// not be cancelled because it was done already.
    fn sort(&mut self, entry: &cqueue::Entry) -> Option<Done<P>> {
        let operation = entry.user_data() & ((1 << operation::BITS) - 1);
        let key = (entry.user_data() >> operation::BITS) as usize;
        let result = entry.result();
        let count = usize::try_from(result).map_err(|_| Errno::from_raw(-result));
        let goes_on = cqueue::more(entry.flags());
        if operation != operation::ASIDE && !goes_on {
            self.in_flight -= 1;
        }
        if let Some(buffer) = cqueue::buffer_select(entry.flags()) {
            self.buffers.hold(buffer, count.unwrap_or(0));
        }
        Some(match operation {
            operation::ACCEPT => Done::Accepted {
                client: count.map(own),
                goes_on,
            },
            operation::RECEIVE => Done::Received {
                key,
                count,
                goes_on,
            },
            operation::SEND => Done::Sent {
                key,
                count,
                parcel: self.bring_back(key)?,
            },
            operation::READ => Done::Read {
                key,
                count,
                parcel: self.bring_back(key)?,
            },
            _ => return None,
        })
    }

    /// From now on the kernel has the parcel.
    // ANCHOR: lend
    fn lend(&mut self, key: usize, parcel: Box<P>) -> *mut P {
        if self.away.len() <= key {
            self.away.resize(key + 1, std::ptr::null_mut());
        }
        let place = &mut self.away[key];
        assert!(place.is_null(), "one parcel per key is in flight");
        *place = Box::into_raw(parcel);
        *place
    }

    /// The kernel has done with the parcel.
    fn bring_back(&mut self, key: usize) -> Option<Box<P>> {
        let place = self.away.get_mut(key)?;
        let parcel = std::mem::replace(place, std::ptr::null_mut());
        // SAFETY: the pointer came out of a box in `lend`, and the null
        // that takes its place keeps it from becoming a box twice.
        (!parcel.is_null()).then(|| unsafe { Box::from_raw(parcel) })
    }
    // ANCHOR_END: lend

    fn cancel_operation(&mut self, operation: u64, key: usize) -> nix::Result<()> {
        let cancel = opcode::AsyncCancel::new(name(operation, key)).build();
        self.push(&aside(cancel))
    }

    /// Pushes an operation that has a completion.
    fn begin(&mut self, entry: &Entry, operation: u64, key: usize) -> nix::Result<()> {
        self.push(&entry.clone().user_data(name(operation, key)))?;
        self.in_flight += 1;
        Ok(())
    }

    fn push(&mut self, entry: &Entry) -> nix::Result<()> {
        // SAFETY: the memory that an entry names stays where it is until its completion has come:
        // that of a parcel because the ring has it as a raw pointer, that of the buffers because
        // it lives as long as the ring, and both because `drop` leaks what is in flight.
        while unsafe { self.ring.submission().push(entry) }.is_err() {
            forgive(self.ring.submit())?;
        }
        Ok(())
    }
}

impl<P: Parcel> Drop for Ring<P> {
    /// Parcels that are away leak by themselves, as pointers do.
    fn drop(&mut self) {
        if self.in_flight > 0 {
            self.buffers.leak();
        }
    }
}

/// The number by which a completion is known.
fn name(operation: u64, key: usize) -> u64 {
    (key as u64) << operation::BITS | operation
}

/// An operation without a completion, unless it fails.
fn aside(entry: Entry) -> Entry {
    entry
        .flags(Flags::SKIP_SUCCESS)
        .user_data(name(operation::ASIDE, 0))
}

/// A descriptor that a completion has brought.
fn own(descriptor: usize) -> TcpStream {
    // SAFETY: a multishot accept makes a new descriptor for each of its completions, and each
    // completion is taken from the queue once, so nobody else owns it.
    TcpStream::from(unsafe { OwnedFd::from_raw_fd(descriptor as i32) })
}

/// Passes over what only means that nothing has come: a signal (EINTR), the timeout (ETIME), or
/// that the kernel is short of memory (EAGAIN, EBUSY) and what is done should be taken first.
fn forgive(entered: io::Result<usize>) -> nix::Result<()> {
    let code = match entered {
        Ok(_) => return Ok(()),
        Err(error) => Errno::from_raw(error.raw_os_error().unwrap_or(libc::EINVAL)),
    };
    match code {
        Errno::EINTR | Errno::ETIME | Errno::EAGAIN | Errno::EBUSY => Ok(()),
        code => Err(code),
    }
}

/// A ring with the best settings that the kernel knows.
fn set_up() -> io::Result<IoUring> {
    let is_unknown = |error: &io::Error| error.raw_os_error() == Some(libc::EINVAL);
    let [best, lesser @ ..] = settings();
    let mut ring = best.build(SUBMISSIONS);
    for settings in lesser {
        if ring.as_ref().is_err_and(is_unknown) {
            ring = settings.build(SUBMISSIONS);
        }
    }
    ring
}

/// The best settings first. All say that only this thread uses the ring, and that it comes back for
/// completions by itself: it need not be interrupted for them.
fn settings() -> [Builder; 4] {
    let mut plain = IoUring::builder();
    plain.setup_clamp().setup_cqsize(COMPLETIONS);
    plain.setup_submit_all(); // Linux 5.18
    let mut patient = plain.clone();
    patient.setup_coop_taskrun(); // 5.19
    let mut single = patient.clone();
    single.setup_single_issuer().setup_defer_taskrun(); // 6.1
    let mut direct = single.clone();
    direct.setup_no_sqarray(); // 6.6
    [direct, single, patient, plain]
}

/// Linux 6.0 brought it, and no flag says so. It also brought an operation, which can be probed.
fn has_multishot_receive(ring: &IoUring) -> bool {
    let mut probe = Probe::new();
    let probed = ring.submitter().register_probe(&mut probe);
    probed.is_ok() && probe.is_supported(opcode::SendZc::CODE)
}

/// What can be done where there is no ring.
fn explain(error: io::Error) -> io::Error {
    let hint = match error.raw_os_error() {
        Some(libc::ENOSYS) => {
            "this kernel has no io_uring, or a sandbox hides it; it takes Linux 5.19 or later"
        }
        Some(libc::EPERM | libc::EACCES) => {
            "somebody has forbidden io_uring: see `sysctl kernel.io_uring_disabled` (0 allows it) \
             and, in a container, its seccomp profile"
        }
        Some(libc::EINVAL) => {
            "the io_uring of this kernel is too old; it takes Linux 5.19 or later"
        }
        Some(libc::ENOMEM) => "io_uring lacks memory: see `ulimit -l`",
        _ => "io_uring cannot be set up",
    };
    io::Error::new(error.kind(), format!("{hint} ({error})"))
}
