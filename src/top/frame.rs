//! Turns the history into lines on a screen. Pure.
//!
//! ```text
//!    prefork at 127.0.0.1:8080 (accept: shared), process 4242, up 3 min 5 s
//!
//!    requests/s      ▁▂▄▆███▆▄▂▁                 the last minute, newest right     12.3k
//!    workers         …
//!    accept queue    …                           the same columns are the same seconds
//!    …
//!     slot      pid  last 50 s                                            req/s      CPU
//!        0     4243 W▅▆█…                        a strip for each worker
//! ```

use super::columns::Columns;
use super::format::{QUIET, bar, percent, short};
use super::header;
use super::help;
use super::history::Cell;
use super::keys::Key;
use super::screen::{Screen, Sort};
use super::styled::{Color, Effects, Line, Span, state_style};
use super::view::{Look, Update, View};
use crate::scoreboard::State;
use crate::status::{Report, Worker};

/// Lines above the workers.
const HEADER_LINES: usize = 7;

/// Stands in a graph for a second of waiting for the next request on a connection.
const KEEPING: char = '─';

impl View for Screen {
    fn update(&mut self, update: Update) {
        match update.seen {
            Ok(seen) => self.take(seen.report, update.at),
            Err(error) => self.error = Some(error.to_string()),
        }
    }

    fn lines(&mut self, look: Look) -> Vec<Line> {
        lines(self, look)
    }

    fn press(&mut self, key: Key) -> bool {
        Screen::press(self, key)
    }
}

fn lines(screen: &mut Screen, look: Look) -> Vec<Line> {
    let Some(report) = screen.history.report().cloned() else {
        return vec![Line::raw(" no report yet")];
    };
    let columns = Columns::of(look.width, &report);
    let mut lines = header::lines(screen, &report, columns, look.width);
    let workers = sorted(screen, &report);
    let there = workers.iter().filter(|it| it.state() != State::Empty);
    let there = there.count();
    let footer = usize::from(look.interactive);
    screen.rows = usize::from(look.height).saturating_sub(HEADER_LINES + footer);
    screen.first_row = screen
        .first_row
        .min(workers.len().saturating_sub(screen.rows));
    if screen.shows_help {
        lines.extend(help::lines());
    } else {
        lines.push(column_names(&report, columns, screen));
        let shown = workers.iter().skip(screen.first_row).take(screen.rows);
        lines.extend(shown.map(|worker| row(screen, worker, columns)));
    }
    if look.interactive {
        let height = usize::from(look.height);
        lines.truncate(height.saturating_sub(1));
        lines.resize(height.saturating_sub(1), Line::default());
        lines.push(footer_line(screen, workers.len(), there, look.width));
    }
    if !look.colour {
        lines = lines.into_iter().map(Line::without_colour).collect();
    }
    lines
}

fn column_names(report: &Report, columns: Columns, screen: &Screen) -> Line {
    let has_threads = report.workers.iter().any(|it| it.pid != it.tid);
    let task = if has_threads { "tid" } else { "pid" };
    let middle = match screen.shows_requests {
        true => "last request".to_owned(),
        false => format!("last {} s", columns.strip),
    };
    let mut text = format!(" {:>5}", "slot");
    if columns.has_generation() {
        text += &format!(" {:>4}", "gen");
    }
    text += &format!(" {task:>8}   ");
    text += &format!("{middle:<width$}", width = columns.strip);
    text += &format!("  {:>5}  {:>5}", "req/s", "CPU");
    if columns.request > 0 {
        text += "  last request";
    }
    Line::styled(text, Effects::UNDERLINE)
}

/// The workers of the last minute, in the chosen order.
pub(super) fn sorted(screen: &Screen, report: &Report) -> Vec<Worker> {
    let was_there = |worker: &&Worker| {
        worker.state() != State::Empty || screen.history.strip(worker.slot).any(|it| it.there > 0)
    };
    let mut workers: Vec<Worker> = report.workers.iter().filter(was_there).cloned().collect();
    let key = |worker: &Worker| match screen.sort {
        Sort::Slot => 0.0,
        Sort::Rate => -rate(screen, worker).unwrap_or(0.0),
        Sort::Cpu => -screen.history.worker_cpu(worker.slot).unwrap_or(0.0),
        Sort::Time if worker.state().is_busy() => -worker.state_s.unwrap_or(0.0),
        Sort::Time => 0.0,
    };
    // A stable sort: equal workers stay in the order of their slots.
    workers.sort_by(|one, other| key(one).total_cmp(&key(other)));
    workers
}

pub(super) fn rate(screen: &Screen, worker: &Worker) -> Option<f64> {
    screen
        .history
        .worker_rate(worker.slot, |it| Some(it.requests as f64))
}

fn row(screen: &Screen, worker: &Worker, columns: Columns) -> Line {
    let state = worker.state();
    let task = match state {
        State::Empty => String::new(),
        _ => worker.tid.to_string(),
    };
    let generation = match columns.has_generation() {
        true => format!(" {:>4}", worker.generation),
        false => String::new(),
    };
    let mut spans = vec![
        Span::raw(format!(" {:>5}{generation} {task:>8} ", worker.slot)),
        Span::styled(worker.state.to_string(), state_style(Some(state))),
        Span::raw(" "),
    ];
    match screen.shows_requests {
        true => spans.push(Span::raw(fit(&request(worker), columns.strip))),
        false => spans.extend(strip(screen, worker, columns.strip)),
    }
    let rate = rate(screen, worker).map(short).unwrap_or_default();
    let cpu = screen.history.worker_cpu(worker.slot).map(percent);
    spans.push(Span::raw(format!(
        "  {rate:>5}  {:>5}",
        cpu.unwrap_or_default()
    )));
    if columns.request > 0 {
        let text = fit(&request(worker), columns.request - 2);
        spans.push(Span::raw(format!("  {text}")));
    }
    Line::from(spans)
}

/// One column for each second, the current one last.
pub(super) fn strip(screen: &Screen, worker: &Worker, columns: usize) -> Vec<Span> {
    let cells: Vec<Cell> = screen.history.strip(worker.slot).copied().collect();
    let shown = &cells[cells.len().saturating_sub(columns)..];
    let mut spans = vec![Span::raw(" ".repeat(columns - shown.len()))];
    // Neighbouring seconds of the same state make one span.
    for alike in shown.chunk_by(|one, other| one.state == other.state) {
        let text: String = alike.iter().map(glyph).collect();
        spans.push(Span::styled(
            text,
            state_style(alike.first().and_then(|it| it.state)),
        ));
    }
    spans
}

fn glyph(cell: &Cell) -> char {
    match cell {
        Cell { there: 0, .. } => ' ',
        Cell {
            active: 0,
            state: Some(State::KeepAlive),
            ..
        } => KEEPING,
        Cell { active: 0, .. } => QUIET,
        Cell { active, looks, .. } => bar(f64::from(*active) / f64::from(*looks)),
    }
}

/// The worker's last request and its client.
fn request(worker: &Worker) -> String {
    let line = match (&worker.request, worker.torn) {
        (Some(line), _) => line.trim_end_matches(" HTTP/1.1"),
        (None, true) => "(being written)",
        (None, false) => "",
    };
    match &worker.client {
        Some(client) => format!("{line} from {client}"),
        None => line.to_owned(),
    }
}

/// Cuts a text, or fills it with spaces, to `width` columns; each character is one column.
pub(super) fn fit(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text
            .chars()
            .take(width.saturating_sub(1))
            .chain(['…'])
            .collect(),
        false => format!("{text:<width$}"),
    }
}

/// The last line. `rows` counts present workers and those that ended within the minute.
fn footer_line(screen: &Screen, rows: usize, there: usize, width: u16) -> Line {
    if let Some(error) = &screen.error {
        return Line::styled(format!(" {error}; q quits"), Color::Red.on_default());
    }
    let pause = if screen.is_paused {
        "p go on (paused)"
    } else {
        "p pause"
    };
    let middle = if screen.shows_requests {
        "r strips"
    } else {
        "r requests"
    };
    let last = (screen.first_row + screen.rows).min(rows);
    let workers = match (there, rows - there) {
        (1, 0) => "1 worker".to_owned(),
        (_, 0) => format!("{there} workers"),
        (1, gone) => format!("1 worker, {gone} gone"),
        (_, gone) => format!("{there} workers, {gone} gone"),
    };
    let shown = match last - screen.first_row == rows {
        true => workers,
        false => format!("↑↓ {}-{last} of {workers}", screen.first_row + 1),
    };
    let sort = format!("s sort: {}", screen.sort.name());
    let help = if screen.shows_help {
        "? back"
    } else {
        "? help"
    };
    keys_line(vec!["q quit", help, pause, &sort, middle, &shown], width)
}

/// The keys, and as the last part what is shown. A narrow terminal leaves out keys, from the right:
/// the help lists all of them.
pub(super) fn keys_line(mut parts: Vec<&str>, width: u16) -> Line {
    let columns = |parts: &[&str]| parts.iter().map(|it| it.chars().count() + 3).sum::<usize>();
    while columns(&parts) > usize::from(width) + 2 && parts.len() > 2 {
        // The last part goes when no key but two is left.
        parts.remove((parts.len() - 2).max(2));
    }
    Line::styled(format!(" {}", parts.join("   ")), Effects::INVERT)
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
