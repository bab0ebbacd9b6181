//! `io_uring(7)`: operations go to the kernel through one queue, their results come through
//! another.
//!
//! ```text
//!           submission queue                         completion queue
//!   send ─▶ │ send to 7 │ close 3 │ ─▶ the kernel ─▶ │ sent to 7 │ received from 9 │ ─▶ take
//!           └────────────── one system call for all of it: wait ─────────────────┘
//! ```
//!
//! From submission to completion, the memory that an operation names belongs to the kernel: the
//! program may not change, move or free it. No Rust lifetime covers that time, since it ends with
//! an event. Ownership covers it instead:
//!
//! - The bytes to send, and the memory that a file is read into, belong to a [`Parcel`]. It goes to
//!   the ring with the operation and comes back with the completion; in between no code has it. It
//!   must be `'static`, as a value passed to a thread must be: it borrows nothing that could end
//!   too early.
//! - Received bytes lie in buffers that belong to the ring. The kernel picks a buffer when bytes
//!   arrive, so an idle connection has none.
//! - A ring that is dropped with operations in flight leaks their memory.

mod buffers;
mod lent;
mod operation;
mod setup;

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode};
use nix::errno::Errno;

use buffers::Buffers;
use lent::Lent;
pub use operation::{Cancel, Done, Parcel};
use operation::{aside, code, name};
pub use setup::check;
use setup::{explain, has_multishot_receive, set_up};

/// A ring and the memory of all operations that are in flight in it.
///
/// Until the next wait submits it, an operation has only the number of its socket or file; then the
/// kernel holds the file open. So a caller closes a connection by [`Ring::close`], which comes
/// after the operations before it, and not by dropping the stream.
pub struct Ring<P: Parcel> {
    ring: IoUring,
    buffers: Buffers,
    lent: Lent<P>,
    /// Operations that name memory of this process and are not complete.
    in_flight: usize,
    /// Completions that had come when the last wait was over and have not been taken.
    ready: usize,
    has_multishot_receive: bool,
}

impl<P: Parcel> Ring<P> {
    /// A ring for the current thread.
    ///
    /// # Errors
    /// The kernel has no io_uring, or one before Linux 5.19, or it is forbidden; the message says
    /// what can be done.
    pub fn create() -> io::Result<Self> {
        Self::on(set_up()?)
    }

    /// Rings as older kernels would make them, the newest first. The last ones have no multishot
    /// receive.
    #[cfg(test)]
    pub(crate) fn create_old_ones() -> Vec<Self> {
        let build =
            |it: io_uring::Builder| Self::on(it.build(setup::SUBMISSIONS).unwrap()).unwrap();
        let mut rings: Vec<Self> = setup::settings().into_iter().map(build).collect();
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
            lent: Lent::new(),
            in_flight: 0,
            ready: 0,
            has_multishot_receive,
        })
    }

    /// Accepts until it is cancelled or fails: one operation, a completion for each connection.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    pub fn accept(&mut self, key: usize, listener: BorrowedFd<'_>) -> nix::Result<()> {
        let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).flags(libc::SOCK_CLOEXEC);
        self.begin(&accept.build(), code::ACCEPT, key)
    }

    /// Ends accepting: a last completion follows at once.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    pub fn cancel_accept(&mut self, key: usize) -> nix::Result<()> {
        self.cancel_operation(code::ACCEPT, key)
    }

    /// Receives once or, if `many` and the kernel can, until it is cancelled or fails. Returns
    /// which of the two.
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
        self.begin(&receive, code::RECEIVE, key)?;
        Ok(many)
    }

    /// The bytes of the completion that [`Ring::take`] has just returned. The next `take` gives
    /// their buffer back to the kernel.
    pub fn received(&self) -> &[u8] {
        self.buffers.filled()
    }

    /// Sends [`Parcel::bytes`] or the beginning of them. A client that has gone is an error, not a
    /// SIGPIPE.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    ///
    /// # Panics
    /// The ring still has another parcel of that key.
    pub fn send(&mut self, key: usize, client: &TcpStream, parcel: Box<P>) -> nix::Result<()> {
        let parcel = self.lent.lend(key, parcel);
        // SAFETY: the pointer is that of a box that only the ring has,
        // until the completion has come.
        let bytes = unsafe { (*parcel).bytes() };
        let length = bytes.len().min(i32::MAX as usize) as u32;
        let client = Fd(client.as_raw_fd());
        let send = opcode::Send::new(client, bytes.as_ptr(), length)
            .flags(libc::MSG_NOSIGNAL)
            .build();
        self.begin(&send, code::SEND, key)
    }

    /// Reads a [`Parcel::part`] of a file, or the beginning of it.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    ///
    /// # Panics
    /// The ring still has another parcel of that key.
    pub fn read(&mut self, key: usize, parcel: Box<P>) -> nix::Result<()> {
        let parcel = self.lent.lend(key, parcel);
        // SAFETY: as in `send`.
        let Some((file, offset, space)) = (unsafe { (*parcel).part() }) else {
            return Err(Errno::EINVAL);
        };
        let length = space.len().min(i32::MAX as usize) as u32;
        let file = Fd(file.as_raw_fd());
        let read = opcode::Read::new(file, space.as_mut_ptr(), length).offset(offset);
        self.begin(&read.build(), code::READ, key)
    }

    /// Asks for an early end of an operation. Its completion follows, with ECANCELED or with the
    /// result that it had already.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    pub fn cancel(&mut self, key: usize, what: Cancel) -> nix::Result<()> {
        match what {
            Cancel::Receive => self.cancel_operation(code::RECEIVE, key),
            Cancel::Send => self.cancel_operation(code::SEND, key),
        }
    }

    /// Closes a connection, after all operations that were pushed before. Those still in flight
    /// keep it open.
    ///
    /// # Errors
    /// As for [`Ring::wait`], if the queue has to be emptied first.
    pub fn close(&mut self, client: TcpStream) -> nix::Result<()> {
        let close = opcode::Close::new(Fd(client.into_raw_fd())).build();
        self.push(&aside(close))
    }

    /// Submits what has been pushed and waits for a completion, a signal or the `timeout`.
    ///
    /// # Errors
    /// Only those of wrong use of the ring.
    pub fn wait(&mut self, timeout: Duration) -> nix::Result<()> {
        let timeout = Timespec::from(timeout);
        let arguments = SubmitArgs::new().timespec(&timeout);
        ignore_expected(self.ring.submitter().submit_with_args(1, &arguments))?;
        self.ready = self.ring.completion().len();
        Ok(())
    }

    /// The next of the completions that had come when the last wait was over. Those that come later
    /// are left to the next turn, so that every turn ends.
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

    /// What a completion means to the caller. `None` if it only says that an operation could not be
    /// cancelled, because it was complete.
    fn sort(&mut self, entry: &cqueue::Entry) -> Option<Done<P>> {
        let operation = entry.user_data() & ((1 << code::BITS) - 1);
        let key = (entry.user_data() >> code::BITS) as usize;
        let result = entry.result();
        let count = usize::try_from(result).map_err(|_| Errno::from_raw(-result));
        let goes_on = cqueue::more(entry.flags());
        if operation != code::ASIDE && !goes_on {
            self.in_flight -= 1;
        }
        if let Some(buffer) = cqueue::buffer_select(entry.flags()) {
            self.buffers.hold(buffer, count.unwrap_or(0));
        }
        Some(match operation {
            code::ACCEPT => Done::Accepted {
                key,
                client: count.map(own),
                goes_on,
            },
            code::RECEIVE => Done::Received {
                key,
                count,
                goes_on,
            },
            code::SEND => Done::Sent {
                key,
                count,
                parcel: self.lent.bring_back(key)?,
            },
            code::READ => Done::Read {
                key,
                count,
                parcel: self.lent.bring_back(key)?,
            },
            _ => return None,
        })
    }

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
        // a parcel's because the ring has it as a raw pointer, the buffers' because it lives as
        // long as the ring, and both because `drop` leaks the memory of operations in flight.
        while unsafe { self.ring.submission().push(entry) }.is_err() {
            ignore_expected(self.ring.submit())?;
        }
        Ok(())
    }
}

impl<P: Parcel> Drop for Ring<P> {
    /// Parcels that are lent leak by themselves, as raw pointers do.
    fn drop(&mut self) {
        if self.in_flight > 0 {
            self.buffers.leak();
        }
    }
}

/// The connection that an accept has returned.
fn own(descriptor: usize) -> TcpStream {
    // SAFETY: a multishot accept makes a new descriptor for each of its completions, and each
    // completion is taken from the queue once, so it has no other owner.
    TcpStream::from(unsafe { OwnedFd::from_raw_fd(descriptor as i32) })
}

/// Ignores the errors that are none: a signal (EINTR), the timeout (ETIME), and a lack of memory or
/// of room (EAGAIN, EBUSY), which passes when completions are taken.
fn ignore_expected(entered: io::Result<usize>) -> nix::Result<()> {
    let code = match entered {
        Ok(_) => return Ok(()),
        Err(error) => Errno::from_raw(error.raw_os_error().unwrap_or(libc::EINVAL)),
    };
    match code {
        Errno::EINTR | Errno::ETIME | Errno::EAGAIN | Errno::EBUSY => Ok(()),
        code => Err(code),
    }
}
