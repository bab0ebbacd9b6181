//! From what is known to lines on a screen. Pure.
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

use super::format::{short, time};
use super::history::{Cell, SECONDS, Second};
use super::screen::{Screen, Sort};
use super::styled::{Color, Effects, Line, Span, Style};
use crate::scoreboard::State;
use crate::status::{Report, Worker};

/// What to draw on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) colour: bool,
    /// Somebody can press keys: the last line says which.
    pub(super) interactive: bool,
}

/// Columns before the strip: slot, process, letter.
const LEFT: usize = 18;
/// Columns of the generation, which stands before the process.
const GENERATION: usize = 5;
/// Columns behind it: requests per second, CPU.
const RIGHT: usize = 14;
/// Lines above the workers.
const HEAD: usize = 7;
/// Where there are so many columns more than all that, the requests have a column of their own.
const REQUEST_MIN: usize = 24;

/// From nothing to everything.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A second in which nothing happened.
const QUIET: char = '·';
/// A second of waiting for the next request of a connection.
const KEEPING: char = '─';

/// How the columns are shared out.
#[derive(Debug, Clone, Copy)]
struct Columns {
    left: usize,
    strip: usize,
    request: usize,
}

impl Columns {
    /// The generation is worth its columns while there are two of them.
    fn of(width: u16, report: &Report) -> Self {
        let width = usize::from(width);
        let left = match has_generations(report) {
            true => LEFT + GENERATION,
            false => LEFT,
        };
        let rest = width.saturating_sub(left + RIGHT);
        let strip = rest.min(SECONDS);
        let request = match rest - strip {
            request @ REQUEST_MIN.. => request,
            _ => 0,
        };
        Self {
            left,
            strip,
            request,
        }
    }

    fn has_generation(self) -> bool {
        self.left > LEFT
    }
}

/// Whether workers of more than one generation are there.
fn has_generations(report: &Report) -> bool {
    let there = report
        .workers
        .iter()
        .filter(|it| it.state() != State::Empty);
    // One that has not said yet to which it belongs belongs to none.
    let mut generations = there.map(|it| it.generation).filter(|&it| it > 0);
    let first = generations.next();
    generations.any(|it| Some(it) != first)
}

/// The whole frame, no wider than `look` and, for somebody who can scroll, no higher.
pub(super) fn lines(screen: &mut Screen, look: Look) -> Vec<Line> {
    let Some(report) = screen.history.report().cloned() else {
        return vec![Line::raw(" nothing has been seen yet")];
    };
    let columns = Columns::of(look.width, &report);
    let mut lines = head(screen, &report, columns, look.width);
    lines.push(column_names(&report, columns, screen));
    let workers = sorted(screen, &report);
    let there = workers.iter().filter(|it| it.state() != State::Empty);
    let there = there.count();
    let footer = usize::from(look.interactive);
    screen.rows = usize::from(look.height).saturating_sub(HEAD + footer);
    screen.first_row = screen
        .first_row
        .min(workers.len().saturating_sub(screen.rows));
    let shown = workers.iter().skip(screen.first_row).take(screen.rows);
    lines.extend(shown.map(|worker| row(screen, worker, columns)));
    if look.interactive {
        let height = usize::from(look.height);
        lines.truncate(height.saturating_sub(1));
        lines.resize(height.saturating_sub(1), Line::default());
        lines.push(footer_line(screen, workers.len(), there));
    }
    if !look.colour {
        lines = lines.into_iter().map(Line::without_colour).collect();
    }
    lines
}

/// What concerns the whole server.
fn head(screen: &Screen, report: &Report, columns: Columns, width: u16) -> Vec<Line> {
    let seconds: Vec<Second> = screen.history.seconds().copied().collect();
    let rate = screen.history.rate(|it| Some(it.requests as f64));
    let mut requests: Vec<u64> = seconds.iter().map(|it| it.requests).collect();
    // The current second is not over; what it will come to is the present rate.
    if let (Some(last), Some(rate)) = (requests.last_mut(), rate) {
        *last = rate as u64;
    }
    let workers: Vec<u64> = seconds.iter().map(|it| it.workers).collect();
    let queue: Vec<u64> = seconds.iter().map(|it| it.queue).collect();
    let queue_now = match report.queue {
        Some(queue) => format!("{}/{}", queue.length, queue.limit),
        None => "unknown".to_owned(),
    };
    let pool = format!("{}/{} busy", report.busy, report.busy + report.idle);
    let graph = |name, values: &[u64], least, now: String, colour| {
        graph(name, values, least, now, columns, colour)
    };
    vec![
        title(report),
        company(screen),
        graph(
            "requests/s",
            &requests,
            1,
            rate.map(short).unwrap_or_default(),
            Color::Green,
        ),
        graph("workers", &workers, 1, pool, Color::Blue),
        graph("accept queue", &queue, 8, queue_now, Color::Red),
        figures(screen, report, width),
    ]
}

/// That what is shown is not all that answers here.
fn company(screen: &Screen) -> Line {
    match screen.company() {
        Some(pid) => Line::styled(
            format!(" another server answers here as well: process {pid}"),
            Color::Red.on_default(),
        ),
        None => Line::default(),
    }
}

fn title(report: &Report) -> Line {
    let rest = format!(
        " at {} (accept: {}), process {}, up {}",
        report.address,
        report.accept,
        report.pid,
        time(report.uptime_s)
    );
    Line::from(vec![
        Span::styled(format!(" {}", report.model), Effects::BOLD),
        Span::raw(rest),
    ])
}

/// A name, the last minute, and the present value, which may take the columns of both numbers.
fn graph(
    name: &str,
    values: &[u64],
    least: u64,
    now: String,
    columns: Columns,
    colour: Color,
) -> Line {
    let shown = &values[values.len().saturating_sub(columns.strip)..];
    let most = shown.iter().copied().max().unwrap_or(0).max(least);
    let bars = shown.iter().map(|&value| match value {
        0 => QUIET,
        _ => bar(value as f64 / most as f64),
    });
    let bars: String = bars.collect();
    Line::from(vec![
        Span::raw(format!(" {name:<width$}", width = columns.left - 1)),
        Span::styled(
            format!("{bars:>width$}", width = columns.strip),
            colour.on_default(),
        ),
        Span::raw(format!(" {now:>width$}", width = RIGHT - 1)),
    ])
}

fn bar(share: f64) -> char {
    let level = (share * BARS.len() as f64).ceil() as usize;
    BARS[level.clamp(1, BARS.len()) - 1]
}

fn figures(screen: &Screen, report: &Report, width: u16) -> Line {
    let cpu = screen.history.rate(|it| it.cpu_s);
    let refused = match report.pool {
        Some(pool) => ("limit reached", pool.limit_reached),
        None => ("turned away", report.turned_away),
    };
    let figures = [
        ("answered", short(report.requests as f64)),
        ("sent", format!("{}B", short(report.bytes as f64))),
        ("open", report.open.to_string()),
        ("slow", report.slow.to_string()),
        (refused.0, refused.1.to_string()),
        ("CPU", cpu.map_or_else(|| "?".to_owned(), percent)),
    ];
    let figures = figures.map(|(name, value)| format!("{name} {value}"));
    let mut text = format!(" {}", figures.join("   "));
    // What an ordinary terminal has no room for.
    let memory = report.pss_bytes;
    let memory = memory.map(|bytes| format!("   PSS {}B", short(bytes as f64)));
    if let Some(memory) = memory.filter(|it| text.len() + it.len() <= usize::from(width)) {
        text += &memory;
    }
    Line::styled(text, Effects::DIMMED)
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
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

/// The workers that were there during the last minute, in the chosen order.
fn sorted(screen: &Screen, report: &Report) -> Vec<Worker> {
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
    // Stable: those that are equal stay in the order of their slots.
    workers.sort_by(|one, other| key(one).total_cmp(&key(other)));
    workers
}

fn rate(screen: &Screen, worker: &Worker) -> Option<f64> {
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
        Span::styled(worker.state.to_string(), style(Some(state))),
        Span::raw(" "),
    ];
    match screen.shows_requests {
        true => spans.push(Span::raw(fit(&request(worker), columns.strip))),
        false => spans.extend(strip(screen, worker, columns)),
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

/// A column for each second, the current one last.
fn strip(screen: &Screen, worker: &Worker, columns: Columns) -> Vec<Span> {
    let cells: Vec<Cell> = screen.history.strip(worker.slot).copied().collect();
    let shown = &cells[cells.len().saturating_sub(columns.strip)..];
    let mut spans = vec![Span::raw(" ".repeat(columns.strip - shown.len()))];
    // Neighbours that look alike are one piece.
    for alike in shown.chunk_by(|one, other| one.state == other.state) {
        let text: String = alike.iter().map(glyph).collect();
        spans.push(Span::styled(
            text,
            style(alike.first().and_then(|it| it.state)),
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

/// What the worker was asked last, and by whom.
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

/// Cut or filled up to `width` columns; all of it is ASCII.
fn fit(text: &str, width: usize) -> String {
    match text.chars().count() > width {
        true => text
            .chars()
            .take(width.saturating_sub(1))
            .chain(['…'])
            .collect(),
        false => format!("{text:<width$}"),
    }
}

/// `rows` are those of the workers that there are and of those that have gone within the minute.
fn footer_line(screen: &Screen, rows: usize, there: usize) -> Line {
    if let Some(trouble) = &screen.trouble {
        return Line::styled(format!(" {trouble}; q quits"), Color::Red.on_default());
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
    let sort = screen.sort.name();
    let text = format!(" q quit   {pause}   s sort: {sort}   {middle}   {shown}");
    Line::styled(text, Effects::INVERT)
}

fn style(state: Option<State>) -> Style {
    let colour = match state.unwrap_or(State::Empty) {
        State::Empty | State::Waiting => Color::BrightBlack,
        State::Starting | State::Finishing | State::Retiring => Color::Magenta,
        State::Reading => Color::Cyan,
        State::Responding => Color::Green,
        State::KeepAlive => Color::Yellow,
        State::Closing | State::Logging => Color::Blue,
    };
    colour.on_default()
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
