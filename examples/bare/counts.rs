//! Counts: pre-fork whose master says at Ctrl-C how many clients each worker has served. It is wrong.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{ForkResult, fork};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    let counts = [const { AtomicU64::new(0) }; 4];
    // SIGINT stays pending until the master fetches it. The workers, which
    // inherit that, never do.
    let interrupt = SigSet::from(Signal::SIGINT);
    interrupt.thread_block()?;
    let mut workers = Vec::new();
    for count in &counts {
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
// ANCHOR_END: run
