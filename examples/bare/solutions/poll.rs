//! A client is answered when its whole request has come.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::common::{ANSWER, listen};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    let mut clients: Vec<Client> = Vec::new();
    loop {
        let row = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut rows = vec![row(listener.as_fd())];
        rows.extend(clients.iter().map(|client| row(client.socket.as_fd())));
        poll(&mut rows, PollTimeout::NONE)?;
        let ready: Vec<_> = rows.iter().map(PollFd::any).collect();
        // From the end: a removal moves only what has been looked at.
        for index in (0..clients.len()).rev() {
            if ready[index + 1] == Some(true) && clients[index].is_over() {
                clients.swap_remove(index);
            }
        }
        if ready[0] == Some(true) {
            let (socket, _) = listener.accept()?;
            let request = Vec::new();
            clients.push(Client { socket, request });
        }
    }
}

/// What the stack of a blocking worker would remember.
struct Client {
    socket: TcpStream,
    request: Vec<u8>,
}

impl Client {
    /// One read. Whether the client has its answer, or has gone.
    fn is_over(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let count = self.socket.read(&mut bytes).unwrap_or(0);
        self.request.extend(&bytes[..count]);
        let is_whole = self.request.ends_with(b"\r\n\r\n");
        if is_whole {
            // A client that has gone needs no answer.
            let _ = self.socket.write_all(ANSWER);
        }
        is_whole || count == 0
    }
}
// ANCHOR_END: run
