//! The master replaces each worker that ends.

use std::io;

use nix::sys::wait::wait;
use nix::unistd::{ForkResult, fork};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    let mut workers = 0;
    loop {
        while workers < 4 {
            // SAFETY: this process has one thread.
            if let ForkResult::Child = unsafe { fork() }? {
                loop {
                    let (client, _) = listener.accept()?;
                    serve(client);
                }
            }
            workers += 1;
        }
        wait()?;
        workers -= 1;
    }
}
// ANCHOR_END: run
