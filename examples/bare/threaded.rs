//! Threaded: a thread for each client, however many there are.

use std::io;
use std::thread;

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    loop {
        let (client, _) = listener.accept()?;
        thread::spawn(|| serve(client));
    }
}
// ANCHOR_END: run
