//! A process ends after twenty clients, and the master replaces it.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;

use nix::sys::wait::wait;
use nix::unistd::{ForkResult, fork};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    let mut processes = 0;
    loop {
        while processes < 2 {
            // SAFETY: this process has one thread: only children make more.
            if let ForkResult::Child = unsafe { fork() }? {
                // The four threads draw from one count.
                let drawn = AtomicU32::new(0);
                let may_accept = || drawn.fetch_add(1, Relaxed) < 20;
                thread::scope(|scope| {
                    for _ in 0..4 {
                        scope.spawn(|| {
                            while may_accept()
                                && let Ok((client, _)) = listener.accept()
                            {
                                serve(client);
                            }
                        });
                    }
                });
                return Ok(());
            }
            processes += 1;
        }
        wait()?;
        processes -= 1;
    }
}
// ANCHOR_END: run
