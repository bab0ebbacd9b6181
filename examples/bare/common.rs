//! What the bare servers share: a port and an answer.

use std::env;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

// ANCHOR: common
pub(crate) const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Content-Length: 6\r\nConnection: close\r\n\r\nhello\n";

pub(crate) fn listen() -> io::Result<TcpListener> {
    let address = env::args().nth(2);
    let address = address.unwrap_or("127.0.0.1:8080".to_owned());
    let listener = TcpListener::bind(address)?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(listener)
}

/// One request, one answer. The end of this function closes the connection.
pub(crate) fn serve(mut client: TcpStream) {
    let mut request = [0; 4096];
    if client.read(&mut request).is_ok() {
        // A client that has gone needs no answer.
        let _ = client.write_all(ANSWER);
    }
}
// ANCHOR_END: common
