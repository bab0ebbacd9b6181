//! `poll(2)`: its timeout, and an array that lives longer than one call.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFlags, PollTimeout};

/// A timeout for `poll` and `epoll_wait`, which count in milliseconds. It is rounded up: rounded
/// down, a wait for the last part of a millisecond would be a busy loop.
pub fn poll_timeout(time: Duration) -> PollTimeout {
    PollTimeout::try_from(time.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::MAX)
}

/// The array that every call of `poll(2)` passes to the kernel: one row for each place, free ones
/// included. nix's `poll` takes an array that borrows its descriptors, and so cannot be kept.
#[derive(Debug, Default)]
pub struct PollSet {
    rows: Vec<libc::pollfd>,
}

/// The kernel skips rows with a negative descriptor.
const FREE: libc::pollfd = libc::pollfd {
    fd: -1,
    events: 0,
    revents: 0,
};

impl PollSet {
    /// From the next call on, `poll` watches `descriptor` for `events`, in the row `place`. Call
    /// [`PollSet::clear`] before closing the descriptor, or the row reports POLLNVAL.
    pub fn set(&mut self, place: usize, descriptor: BorrowedFd<'_>, events: PollFlags) {
        if place >= self.rows.len() {
            self.rows.resize(place + 1, FREE);
        }
        self.rows[place] = libc::pollfd {
            fd: descriptor.as_raw_fd(),
            events: events.bits(),
            revents: 0,
        };
    }

    /// Frees the row.
    pub fn clear(&mut self, place: usize) {
        if let Some(row) = self.rows.get_mut(place) {
            *row = FREE;
        }
    }

    /// Waits until a row is ready or `timeout` has passed, and returns how many rows are ready.
    /// Only [`PollSet::ready`] can tell which ones, by looking at all rows.
    ///
    /// # Errors
    /// EINTR when a signal came; EINVAL when there are more rows than RLIMIT_NOFILE; ENOMEM.
    pub fn wait(&mut self, timeout: Duration) -> nix::Result<usize> {
        let timeout_ms = i32::from(poll_timeout(timeout));
        let count = self.rows.len() as libc::nfds_t;
        // SAFETY: the pointer and the count are those of one array, which is borrowed mutably
        // during the call; the kernel reports a descriptor that is not open (POLLNVAL).
        let ready = unsafe { libc::poll(self.rows.as_mut_ptr(), count, timeout_ms) };
        Ok(Errno::result(ready)? as usize)
    }

    /// The rows that are ready after [`PollSet::wait`], with what they are ready for.
    pub fn ready(&self) -> impl Iterator<Item = (usize, PollFlags)> {
        let rows = self.rows.iter().enumerate();
        rows.filter(|(_, row)| row.revents != 0)
            .map(|(place, row)| (place, PollFlags::from_bits_truncate(row.revents)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn free_rows_are_skipped() {
        let mut set = PollSet::default();
        let (mut near, far) = UnixStream::pair().unwrap();
        set.set(3, far.as_fd(), PollFlags::POLLIN);
        assert_eq!(set.wait(Duration::ZERO), Ok(0));
        near.write_all(b"x").unwrap();
        assert_eq!(set.wait(Duration::MAX), Ok(1));
        let ready: Vec<_> = set.ready().collect();
        assert_eq!(ready, [(3, PollFlags::POLLIN)]);
        set.clear(3);
        set.clear(100);
        assert_eq!(set.wait(Duration::ZERO), Ok(0));
        assert_eq!(set.ready().count(), 0);
    }
}
