//! The server behind sees whole requests only, and never waits for a client.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;

use crate::common::listen;
use crate::front::connect;

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    loop {
        let (client, _) = listener.accept()?;
        thread::spawn(|| pass_on(client));
    }
}

fn pass_on(mut client: TcpStream) -> io::Result<()> {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    while !request.ends_with(b"\r\n\r\n") {
        match client.read(&mut piece)? {
            // The client has gone.
            0 => return Ok(()),
            length => request.extend_from_slice(&piece[..length]),
        }
    }
    let mut answer = Vec::new();
    let mut server = connect()?;
    server.write_all(&request)?;
    server.read_to_end(&mut answer)?;
    // From here on the server has time for another client, however slow this one reads.
    drop(server);
    client.write_all(&answer)
}
// ANCHOR_END: run
