//! Descriptors that a forked child closes first of all.
//!
//! A child inherits every descriptor of its parent. Close-on-exec does not help, since a worker
//! runs no other program. What belongs to the parent alone could serve a client that has taken a
//! worker over: the pidfile is open for writing, and root acts on what is in it.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use nix::unistd::{Pid, getpid};

/// More are not noted, and children keep them. A process that was started with a hundred open
/// files was started by a program that leaks them.
const NOTED_MAX: usize = 128;
const NONE: RawFd = -1;

/// What children close. The parent writes, and its children only read: a child that writes has the
/// page copied.
static NOTED: [AtomicI32; NOTED_MAX] = [const { AtomicI32::new(NONE) }; NOTED_MAX];
/// The process that has noted them. A child has its own descriptors under these numbers, which its
/// children are not to close.
static OWNER: AtomicI32 = AtomicI32::new(0);

/// Children close a descriptor as long as this exists.
#[derive(Debug)]
pub struct Private {
    descriptor: RawFd,
}

impl Private {
    /// Drop it before the descriptor is closed: the next one may get the same number.
    pub fn note(descriptor: &impl AsFd) -> Self {
        let descriptor = descriptor.as_fd().as_raw_fd();
        replace(NONE, descriptor);
        Self { descriptor }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        replace(self.descriptor, NONE);
    }
}

/// Notes all descriptors that this process was started with, but for the standard streams. A shell
/// or a supervisor has left them open, by mistake or for a lock that lasts as long as this process.
/// To be called before this process opens anything.
pub fn note_inherited() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let numbers: Vec<RawFd> = numbers.collect();
    // The directory was among them, and is closed by now.
    let is_open = |number: &RawFd| fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok();
    for number in numbers.into_iter().filter(|it| *it > 2).filter(is_open) {
        replace(NONE, number);
    }
}

/// Children keep this descriptor, which the process has taken over.
pub(super) fn keep(descriptor: RawFd) {
    replace(descriptor, NONE);
}

fn replace(old: RawFd, new: RawFd) {
    let own = getpid().as_raw();
    if OWNER.swap(own, Relaxed) != own {
        // A child begins with an empty list: it has closed what its parent had noted.
        NOTED.iter().for_each(|it| it.store(NONE, Relaxed));
    }
    let place = NOTED.iter().find(|it| it.load(Relaxed) == old);
    if let Some(place) = place {
        place.store(new, Relaxed);
    }
}

/// Called in a child of `parent` right after fork.
pub(super) fn close_in_child(parent: Pid) {
    if OWNER.load(Relaxed) != parent.as_raw() {
        return;
    }
    let noted = NOTED.iter().map(|it| it.load(Relaxed));
    for descriptor in noted.filter(|it| *it != NONE) {
        // SAFETY: the child has a copy of the value that owns the descriptor, but uses it no
        // more: it belongs to the parent's part of the program, to which a child never returns,
        // and a child leaves without dropping anything.
        unsafe { libc::close(descriptor) };
    }
}
