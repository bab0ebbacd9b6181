//! A process by a descriptor instead of a number: `pidfd_open(2)`.
//!
//! When a process has been reaped, its number may soon be another's, and a signal would reach that
//! one. A descriptor stands for one process for ever.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::Signal;

use super::poll::poll_timeout;

/// A process that need not be a child of this one.
#[derive(Debug)]
pub struct PidFd {
    descriptor: OwnedFd,
}

impl PidFd {
    /// The process that has this ID now.
    ///
    /// # Errors
    /// ESRCH: there is none.
    pub fn open(pid: u32) -> nix::Result<Self> {
        // SAFETY: the call takes two numbers and no pointer.
        let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let descriptor = Errno::result(opened)? as RawFd;
        // SAFETY: the call has just returned this descriptor, so it is open and has no other owner.
        let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
        Ok(Self { descriptor })
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// ESRCH: it has ended. EPERM: it belongs to another user.
    pub fn signal(&self, signal: Signal) -> nix::Result<()> {
        let (descriptor, number) = (self.descriptor.as_raw_fd(), signal as libc::c_int);
        let no_details = std::ptr::null::<libc::siginfo_t>();
        let call = libc::SYS_pidfd_send_signal;
        // SAFETY: without details the kernel makes those of `kill(2)`, and reads no memory.
        let sent = unsafe { libc::syscall(call, descriptor, number, no_details, 0) };
        Errno::result(sent).map(drop)
    }

    /// Waits until it has ended, for `time` at most: whether it has.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn wait(&self, time: Duration) -> nix::Result<bool> {
        let mut watched = [PollFd::new(self.descriptor.as_fd(), PollFlags::POLLIN)];
        match poll(&mut watched, poll_timeout(time)) {
            Ok(count) => Ok(count > 0),
            Err(Errno::EINTR) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_signal_reaches_the_process_and_its_end_is_seen() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let process = PidFd::open(child.id()).unwrap();
        assert!(!process.wait(Duration::ZERO).unwrap());
        process.signal(Signal::SIGKILL).unwrap();
        assert!(process.wait(Duration::from_secs(20)).unwrap());
        child.wait().unwrap();
        assert_eq!(process.signal(Signal::SIGTERM), Err(Errno::ESRCH));
    }
}
