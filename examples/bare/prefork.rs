//! Pre-fork: four workers on one listener. A worker that dies is not replaced.

use std::io;

use nix::sys::wait::wait;
use nix::unistd::{ForkResult, fork};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    for _ in 0..4 {
        // SAFETY: this process has one thread.
        if let ForkResult::Child = unsafe { fork() }? {
            loop {
                let (client, _) = listener.accept()?;
                serve(client);
            }
        }
    }
    // The master waits until no worker is left.
    while wait().is_ok() {}
    Ok(())
}
// ANCHOR_END: run
