//! Worker: two processes with four threads each.

use std::io;
use std::thread;

use nix::sys::wait::wait;
use nix::unistd::{ForkResult, fork};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    for _ in 0..2 {
        // SAFETY: this process has one thread: only children make more.
        if let ForkResult::Child = unsafe { fork() }? {
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        while let Ok((client, _)) = listener.accept() {
                            serve(client);
                        }
                    });
                }
            });
            return Ok(());
        }
    }
    while wait().is_ok() {}
    Ok(())
}
// ANCHOR_END: run
