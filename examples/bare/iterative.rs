//! Iterative: one process, one client at a time.

use std::io;

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    loop {
        let (client, _) = listener.accept()?;
        serve(client);
    }
}
// ANCHOR_END: run
