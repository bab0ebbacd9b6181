//! Front: a thread for each client passes it on to a server behind. The third argument is that
//! server's address.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::{env, thread};

use crate::common::listen;

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    loop {
        let (client, _) = listener.accept()?;
        thread::spawn(|| pass_on(client));
    }
}

fn pass_on(mut client: TcpStream) -> io::Result<()> {
    let mut server = connect()?;
    let mut request = [0; 4096];
    let length = client.read(&mut request)?;
    server.write_all(&request[..length])?;
    io::copy(&mut server, &mut client)?;
    Ok(())
}
// ANCHOR_END: run

// ANCHOR: connect
pub(crate) fn connect() -> io::Result<TcpStream> {
    let address = env::args().nth(3);
    TcpStream::connect(address.unwrap_or("127.0.0.1:8081".to_owned()))
}
// ANCHOR_END: connect
