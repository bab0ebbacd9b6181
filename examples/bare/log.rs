//! Log: a pre-forked server with an access log, which is wrong. The third argument names the file.

use std::fs::File;
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
            let mut log = File::create(name)?;
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
    log.write_all(b"\"")?;
    log.write_all(line)?;
    log.write_all(b"\"\n")?;
    client.write_all(ANSWER)
}
// ANCHOR_END: run
