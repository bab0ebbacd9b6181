//! `poll(2)` over an array that lives longer than one call.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFlags;

/// The array that every call of `poll(2)` hands to the kernel: one row for each place, free ones
/// included. nix has the call, but for an array that borrows its descriptors and so cannot be kept.
#[derive(Debug, Default)]
pub struct PollSet {
    rows: Vec<libc::pollfd>,
}

/// The kernel passes over rows with a negative descriptor.
const FREE: libc::pollfd = libc::pollfd {
    fd: -1,
    events: 0,
    revents: 0,
};

impl PollSet {
    /// From the next call on `descriptor` is looked at for `events`, in the row `place`. A row
    /// whose descriptor has been closed meanwhile reports POLLNVAL: [`PollSet::clear`] it before.
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

    /// The row is free again.
    pub fn clear(&mut self, place: usize) {
        if let Some(row) = self.rows.get_mut(place) {
            *row = FREE;
        }
    }

    /// Waits until something in the array is ready or `timeout` has passed: how many rows are
    /// ready. Which ones, only [`PollSet::ready`] can tell, by looking at all.
    ///
    /// # Errors
    /// EINTR when a signal came; EINVAL when there are more rows than RLIMIT_NOFILE; ENOMEM.
    pub fn wait(&mut self, timeout: Duration) -> nix::Result<usize> {
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        let count = self.rows.len() as libc::nfds_t;
        // SAFETY: the pointer and the count are those of one array, which nobody else can reach
        // during the call; descriptors in it are numbers to the kernel, whatever they refer to.
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
    fn rows_that_are_free_are_passed_over() {
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
