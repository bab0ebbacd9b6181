//! The counts lie in memory that all processes share.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{ForkResult, fork};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    let counts = shared()?;
    // SIGINT stays pending until the master fetches it. The workers, which
    // inherit that, never do.
    let interrupt = SigSet::from(Signal::SIGINT);
    interrupt.thread_block()?;
    let mut workers = Vec::new();
    for count in counts {
        // SAFETY: this process has one thread.
        match unsafe { fork() }? {
            ForkResult::Child => loop {
                let (client, _) = listener.accept()?;
                count.fetch_add(1, Relaxed);
                serve(client);
            },
            ForkResult::Parent { child } => workers.push(child),
        }
    }
    interrupt.wait()?;
    println!("{counts:?}");
    for worker in workers {
        kill(worker, Signal::SIGTERM)?;
    }
    Ok(())
}

/// Four zeros that a fork does not copy.
fn shared() -> io::Result<&'static [AtomicU64; 4]> {
    const SIZE: NonZeroUsize = NonZeroUsize::new(4 * 8).unwrap();
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let kind = MapFlags::MAP_SHARED;
    // SAFETY: the kernel chooses an address at which nothing is mapped.
    let zeros = unsafe { mmap_anonymous(None, SIZE, access, kind) }?;
    // SAFETY: the mapping holds four words that are zero, begins at a page,
    // so it is aligned, and is never unmapped.
    Ok(unsafe { zeros.cast().as_ref() })
}
// ANCHOR_END: run
