//! The question for the reader's prediction.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::progress::Line;
use crate::lab::{Definition, Problem};
use crate::report::bench_table::View;
use crate::report::lab as report;

/// How often the wait for an answer looks whether Ctrl-C was pressed: the signal is taken by
/// another thread, so it does not interrupt a read.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Asks on the terminal. Enter skips the question; what is no letter of a choice is asked again.
///
/// # Errors
/// The user wants to stop, by Ctrl-C.
pub(super) fn prediction(
    lab: &Definition,
    line: &Line,
    check: impl Fn() -> Result<(), Problem>,
) -> Result<Option<char>, Problem> {
    line.say(&report::choices(lab, View::PLAIN));
    let letters: Vec<char> = lab.lettered().map(|it| it.0).collect();
    let shown: Vec<String> = letters.iter().map(ToString::to_string).collect();
    loop {
        line.prompt(&format!("{}, or Enter to skip: ", shown.join(", ")));
        while !has_input() {
            check()?;
        }
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer);
        let letter = answer.trim().to_lowercase().chars().next();
        match (read, letter) {
            // The terminal's end of file, or a terminal that is gone.
            (Ok(0) | Err(_), _) | (Ok(_), None) => return Ok(None),
            (Ok(_), Some(letter)) if letters.contains(&letter) => return Ok(Some(letter)),
            _ => {}
        }
    }
}

/// Waits a moment for a line on standard input.
fn has_input() -> bool {
    let stdin = io::stdin();
    let mut wanted = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(LOOK_EVERY).unwrap_or(PollTimeout::ZERO);
    poll(&mut wanted, timeout).is_ok_and(|ready| ready > 0)
}
