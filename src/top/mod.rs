//! `servers top`: a live view of a server's workers, in a terminal.
//!
//! ```text
//!   source ──▶ Report ──▶ History ──▶ frame ──▶ lines ──▶ terminal, or standard output
//!   scoreboard in memory,  the last    pure
//!   or a server's URL      minute
//! ```
//!
//! Given several URLs, `hosts` has a history of each, and draws them in one table.
//!
//! Given a process ID, the view reads the memory of the scoreboard. No worker has to answer, so it
//! also shows a server whose workers are all stuck. A status page cannot: a worker has to serve it.

mod columns;
mod format;
mod frame;
mod header;
mod help;
mod history;
mod hosts;
mod hosts_frame;
mod hosts_row;
mod keys;
mod polling;
mod report_source;
mod screen;
mod styled;
mod terminal;
mod view;

use std::io;
use std::thread;
use std::time::{Duration, Instant};

pub use report_source::{ReportError, ReportSource, Seen};
pub use screen::Sort;
pub use terminal::Style;

use hosts::Hosts;
use polling::When;
use screen::Screen;
use view::{Look, View};

/// Shows the server in the terminal until the user quits or a signal ends the program.
///
/// # Errors
/// There is no first report, or the terminal cannot be used.
pub fn watch(mut source: ReportSource, style: Style) -> Result<(), WatchError> {
    let mut screen = Screen::new(style.sort);
    let began = Instant::now();
    screen.take(source.look()?.report, 0.0);
    let sources = vec![source];
    Ok(terminal::run(sources, screen, style, began, When::Later)?)
}

/// Shows several servers in the terminal, as [`watch`]. A server that does not answer is shown as
/// such, also at the start.
///
/// # Errors
/// The terminal cannot be used.
pub fn watch_hosts(hosts: Vec<(String, ReportSource)>, style: Style) -> io::Result<()> {
    let (names, sources) = hosts.into_iter().unzip();
    let hosts = Hosts::new(names, style.sort);
    terminal::run(sources, hosts, style, Instant::now(), When::Now)
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
        screen.take(source.look()?.report, at.as_secs_f64());
        let Some(left) = time.checked_sub(began.elapsed()) else {
            break;
        };
        thread::sleep(left.min(source.interval()));
    }
    Ok(view::text(&screen.lines(on_paper(width))))
}

/// Watches several servers for `time` and returns one frame, as text of `width` columns.
///
/// # Errors
/// No server has answered. The text names the reason of each.
pub fn once_hosts(
    hosts: Vec<(String, ReportSource)>,
    time: Duration,
    sort: Sort,
    width: u16,
) -> Result<String, String> {
    let (names, sources) = hosts.into_iter().unzip();
    let mut hosts = Hosts::new(names, sort);
    let updates = polling::watch(sources, Instant::now(), When::For(time));
    updates.into_iter().for_each(|update| hosts.update(update));
    match hosts.why_none_answers() {
        Some(reasons) => Err(reasons),
        None => Ok(view::text(&hosts.lines(on_paper(width)))),
    }
}

/// No limit to the height: all workers are printed.
fn on_paper(width: u16) -> Look {
    Look {
        width,
        height: u16::MAX,
        colour: false,
        interactive: false,
    }
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
