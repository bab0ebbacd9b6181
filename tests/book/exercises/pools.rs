//! Exercises about pools: the life of a process with threads, memory that workers share.

use std::io::Write;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Bare, DEADLINE, REQUEST, in_time, is_answered, support};

/// Chapter 8: a process ends after twenty clients and is replaced, and no client is cut off.
pub(super) fn recycles_its_processes(server: &mut Bare) -> bool {
    support::wait_for("two processes", || server.children().len() == 2);
    let first = server.children();
    let left = || {
        let now = server.children();
        first.iter().filter(|it| now.contains(it)).count()
    };
    let serves = |clients| (0..clients).all(|_| server.answers(DEADLINE));
    // It is the first in the accept queue. Its process must wait for it.
    let mut silent = server.connect().unwrap();
    // Two processes serve forty. For so many it takes others.
    serves(100)
        && in_time(|| left() <= 1)
        && silent.write_all(REQUEST).is_ok()
        && is_answered(silent)
        && in_time(|| serves(10) && left() == 0 && server.children().len() == 2)
}

/// Chapter 15: the counts of the four workers add up to the clients.
pub(super) fn counts_all_clients(server: &mut Bare) -> bool {
    let clients = 40;
    for _ in 0..clients {
        assert!(server.answers(DEADLINE));
    }
    kill(Pid::from_raw(server.pid()), Signal::SIGINT).unwrap();
    let line = server.says();
    let numbers = line.split(|letter: char| !letter.is_ascii_digit());
    let counts: Vec<u64> = numbers.flat_map(str::parse).collect();
    counts.len() == 4 && counts.iter().sum::<u64>() == clients
}
