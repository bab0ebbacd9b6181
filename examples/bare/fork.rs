//! Fork: a child for each client. It never reaps.

use std::io;
use std::process::exit;

use nix::unistd::{ForkResult, fork};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    loop {
        let (client, _) = listener.accept()?;
        // SAFETY: this process has one thread.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop(listener);
                serve(client);
                exit(0);
            }
            ForkResult::Parent { .. } => drop(client),
        }
    }
}
// ANCHOR_END: run
