//! `servers top`: a live view of a server's workers, in a terminal.
//!
//! ```text
//!   source ──▶ Report ──▶ History ──▶ frame ──▶ lines ──▶ terminal, or standard output
//!   scoreboard in memory,  the last    pure
//!   or a server's URL      minute
//! ```
//!
//! Given a process ID, the view reads the memory of the scoreboard. No worker has to answer, so it
//! also shows a server whose workers are all stuck. A status page cannot: a worker has to serve it.

mod columns;
mod format;
mod frame;
mod header;
mod help;
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

/// Shows the server in the terminal until the user quits or a signal ends the program.
///
/// # Errors
/// There is no first report, or the terminal cannot be used.
pub fn watch(mut source: ReportSource, style: Style) -> Result<(), WatchError> {
    let mut screen = Screen::new(style.sort);
    let began = Instant::now();
    screen.take(source.look()?, 0.0);
    Ok(terminal::run(source, screen, style, began)?)
}

/// Watches the server for `time` and returns one frame, as text of `width` columns.
///
/// # Errors
/// There is no report.
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
        // No limit: all workers are printed.
        height: u16::MAX,
        colour: false,
        interactive: false,
    };
    let lines = frame::lines(&mut screen, look);
    let text = lines.iter().map(|line| format!("{line}"));
    Ok(text.map(|line| line.trim_end().to_owned() + "\n").collect())
}

/// Why the view could not start.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// There is no report.
    #[error(transparent)]
    ReportSource(#[from] ReportError),
    /// The terminal cannot be used.
    #[error("cannot use the terminal: {0}")]
    Terminal(#[from] io::Error),
}
