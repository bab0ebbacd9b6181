//! Each line is one write to the end of the file, and holds no character that ends a line.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::TcpStream;

use nix::sys::wait::wait;
use nix::unistd::{ForkResult, fork};

use crate::common::{ANSWER, listen};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    let name = std::env::args().nth(3).unwrap_or("access.log".to_owned());
    for _ in 0..4 {
        // SAFETY: this process has one thread.
        if let ForkResult::Child = unsafe { fork() }? {
            let mut options = OpenOptions::new();
            let mut log = options.create(true).append(true).open(name)?;
            loop {
                let (client, _) = listener.accept()?;
                // A client that has gone needs no answer.
                let _ = serve(client, &mut log);
            }
        }
    }
    // The master waits until no worker is left.
    while wait().is_ok() {}
    Ok(())
}

/// Logs the first line of the request, and then answers.
fn serve(mut client: TcpStream, log: &mut File) -> io::Result<()> {
    let mut request = [0; 4096];
    let length = client.read(&mut request)?;
    let mut lines = request[..length].split(|byte| *byte == b'\r');
    let line = lines.next().unwrap_or_default();
    let line = format!("\"{}\"\n", line.escape_ascii());
    log.write_all(line.as_bytes())?;
    client.write_all(ANSWER)
}
// ANCHOR_END: run
