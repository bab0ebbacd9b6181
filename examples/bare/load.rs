//! Load: a generator with one client, which asks again when it has its answer.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use std::{env, thread};

// ANCHOR: run
const REQUESTS: u32 = 400;
const INTERVAL: Duration = Duration::from_millis(5);
const SLOW: Duration = Duration::from_millis(100);

pub(crate) fn run() -> io::Result<()> {
    let mut slow = 0;
    for _ in 0..REQUESTS {
        let begin = Instant::now();
        ask()?;
        slow += u32::from(begin.elapsed() > SLOW);
        thread::sleep(INTERVAL);
    }
    println!("{REQUESTS} answered, {slow} of them slow");
    Ok(())
}
// ANCHOR_END: run

// ANCHOR: ask
/// A request on a connection of its own, and its whole answer.
pub(crate) fn ask() -> io::Result<()> {
    let address = env::args().nth(2).unwrap_or("127.0.0.1:8080".to_owned());
    let mut server = TcpStream::connect(address)?;
    server.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    server.read_to_end(&mut Vec::new())?;
    Ok(())
}
// ANCHOR_END: ask
