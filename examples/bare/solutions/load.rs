//! Each request has its moment, and its time counts from there.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::load::ask;

// ANCHOR: run
const REQUESTS: u32 = 400;
const INTERVAL: Duration = Duration::from_millis(5);
const SLOW: Duration = Duration::from_millis(100);

pub(crate) fn run() -> io::Result<()> {
    let start = Instant::now();
    let mut slow = 0;
    for number in 0..REQUESTS {
        let intended = start + number * INTERVAL;
        thread::sleep(intended.saturating_duration_since(Instant::now()));
        ask()?;
        slow += u32::from(intended.elapsed() > SLOW);
    }
    println!("{REQUESTS} answered, {slow} of them slow");
    Ok(())
}
// ANCHOR_END: run
