//! `servers top`: a live view of a scoreboard, in a terminal.
//!
//! ```text
//!   source ──▶ Report ──▶ History ──▶ frame ──▶ lines ──▶ terminal, or standard output
//!   a process's memory   the last    pure
//!   or a server's URL    minute
//! ```
//!
//! By process ID it reads the memory that the workers write to, so it asks nobody and nobody has to
//! answer: it shows a server whose workers are all stuck, which a status page cannot do.

mod format;
mod frame;
mod history;
mod keys;
mod report_source;
mod screen;
mod styled;
mod terminal;

use std::io;
use std::thread;
use std::time::{Duration, Instant};

pub use report_source::{ReportError, ReportSource};
pub use screen::Sort;
pub use terminal::Style;

use frame::Look;
use screen::Screen;

/// Shows the server in the terminal until the user has seen enough or a signal ends it.
///
/// # Errors
/// The server cannot be looked at even once, or the terminal cannot be used.
pub fn watch(mut source: ReportSource, style: Style) -> Result<(), WatchError> {
    let mut screen = Screen::new(style.sort);
    let began = Instant::now();
    screen.take(source.look()?, 0.0);
    Ok(terminal::run(source, screen, style, began)?)
}

/// Looks for `time` and returns one frame, as text of `width` columns.
///
/// # Errors
/// The server cannot be looked at.
pub fn once(
    mut source: ReportSource,
    time: Duration,
    sort: Sort,
    width: u16,
) -> Result<String, ReportError> {
    let mut screen = Screen::new(sort);
    let began = Instant::now();
    loop {
        let at = began.elapsed();
        screen.take(source.look()?, at.as_secs_f64());
        let Some(left) = time.checked_sub(began.elapsed()) else {
            break;
        };
        thread::sleep(left.min(source.interval()));
    }
    let look = Look {
        width,
        // As many lines as it takes.
        height: u16::MAX,
        colour: false,
        interactive: false,
    };
    let lines = frame::lines(&mut screen, look);
    let text = lines.iter().map(|line| format!("{line}"));
    Ok(text.map(|line| line.trim_end().to_owned() + "\n").collect())
}

/// Why there is nothing to be seen.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The server cannot be looked at.
    #[error(transparent)]
    ReportSource(#[from] ReportError),
    /// The terminal cannot be used.
    #[error("cannot use the terminal: {0}")]
    Terminal(#[from] io::Error),
}
