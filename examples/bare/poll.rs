//! Poll: one process that waits for all its clients at once.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    let mut clients: Vec<TcpStream> = Vec::new();
    loop {
        let row = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut rows = vec![row(listener.as_fd())];
        rows.extend(clients.iter().map(|client| row(client.as_fd())));
        poll(&mut rows, PollTimeout::NONE)?;
        let ready: Vec<_> = rows.iter().map(PollFd::any).collect();
        // From the end: a removal moves only what has been looked at.
        for index in (0..clients.len()).rev() {
            if ready[index + 1] == Some(true) {
                serve(clients.swap_remove(index));
            }
        }
        if ready[0] == Some(true) {
            clients.push(listener.accept()?.0);
        }
    }
}
// ANCHOR_END: run
