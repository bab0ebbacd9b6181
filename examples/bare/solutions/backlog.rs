//! The accept queue holds a burst of clients.

use std::io;

use nix::sys::socket::{self, Backlog};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    // For a socket that listens already, this changes the limit alone.
    socket::listen(&listener, Backlog::new(511)?)?;
    loop {
        let (client, _) = listener.accept()?;
        serve(client);
    }
}
// ANCHOR_END: run
