//! Where a server records its events. Without a trace, each of these is one relaxed load.
//!
//! A connection is known by its descriptor here. Its port is asked of the kernel at the beginning
//! and kept, because the kernel has forgotten it once the client has reset the connection.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use nix::unistd::gettid;

use super::record::{Event, Record, Side};
use super::recorder::{Recorder, monotonic_ns};
use crate::scoreboard::slot;
use crate::sys::net;

/// Set before the first fork and the first thread, and never again.
static IS_ON: AtomicBool = AtomicBool::new(false);
static RECORDER: OnceLock<Recorder> = OnceLock::new();

/// Connections with a descriptor beyond these are not recorded.
const DESCRIPTORS: usize = 1 << 16;
/// By descriptor: the client's port and whether a byte of its request has been read. A forked child
/// has a copy. It is allocated when a trace begins: as a static it would be one more mapping, which
/// each fork of a server without a trace would copy.
static CONNECTIONS: OnceLock<Box<[AtomicU32]>> = OnceLock::new();
const HAS_BYTES: u32 = 1 << 16;

/// From now on this process, its threads and its children record what they do.
pub fn start(recorder: Recorder) {
    // A second trace is not asked for: a process has one command line.
    let _ = CONNECTIONS.set((0..DESCRIPTORS).map(|_| AtomicU32::new(0)).collect());
    let _ = RECORDER.set(recorder);
    IS_ON.store(true, Relaxed);
}

/// `client` has left the accept queue.
#[inline]
pub fn accepted(client: &impl AsFd) {
    note(client, Event::Accepted);
}

/// The current worker has `client` from now on.
#[inline]
pub fn taken(client: &impl AsFd) {
    note(client, Event::Taken);
}

/// `client` was answered 503.
#[inline]
pub fn rejected(client: &impl AsFd) {
    note(client, Event::Rejected);
}

/// Bytes of `client` were read. Recorded for the first of a request.
#[inline]
pub fn received(client: &impl AsFd) {
    note(client, Event::FirstByte);
}

/// The request of `client` goes to the handler.
#[inline]
pub fn handed(client: &impl AsFd) {
    note(client, Event::Handed);
}

/// The handler has answered `client`.
#[inline]
pub fn answered(client: &impl AsFd) {
    note(client, Event::Answered);
}

/// The socket of `client` is about to be closed.
#[inline]
pub fn closed(client: &impl AsFd) {
    note(client, Event::Closed);
}

#[inline]
fn note(client: &impl AsFd, event: Event) {
    if IS_ON.load(Relaxed) {
        record(client.as_fd(), event);
    }
}

/// `Relaxed` suffices for the table: a connection belongs to one thread at a time, and what hands
/// it to another (a queue, a new thread) orders the two.
#[cold]
fn record(client: BorrowedFd<'_>, event: Event) {
    let Some(recorder) = RECORDER.get() else {
        return;
    };
    let descriptor = usize::try_from(client.as_raw_fd()).ok();
    let known = descriptor.and_then(|it| CONNECTIONS.get()?.get(it));
    let Some(known) = known else {
        return;
    };
    match event {
        Event::Accepted => known.store(port_of(client), Relaxed),
        // A descriptor that came by a message is another one than that which was accepted.
        Event::Taken => {
            let port = port_of(client);
            if port > 0 {
                known.store(port, Relaxed);
            }
        }
        Event::FirstByte if known.fetch_or(HAS_BYTES, Relaxed) & HAS_BYTES > 0 => return,
        _ => {}
    }
    let before = known.load(Relaxed);
    match event {
        Event::Answered => known.store(before & !HAS_BYTES, Relaxed),
        Event::Closed => known.store(0, Relaxed),
        _ => {}
    }
    // A client of a Unix socket has no port.
    let port = before as u16;
    if port > 0 {
        recorder.add(&of_this_thread(event, port));
    }
}

/// The client's port; 0 if it has none, or has gone.
fn port_of(client: BorrowedFd<'_>) -> u32 {
    net::peer(&client).map_or(0, |address| address.port().into())
}

fn of_this_thread(event: Event, port: u16) -> Record {
    Record {
        port,
        pid: Some(std::process::id()),
        slot: Some(slot::get()),
        thread: u32::try_from(gettid().as_raw()).ok(),
        ..Record::new(monotonic_ns(), Side::Server, event)
    }
}
