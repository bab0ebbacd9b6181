//! A row of the table of several servers, and how its columns share the line.

use super::format::{percent, short};
use super::history::SECONDS;
use super::hosts::Hosts;
use super::styled::{Effects, Line, Span};

/// Columns of a worker's slot and process.
const WORKER: usize = 14;
/// Columns of the state; *draining* is the longest.
pub(super) const STATE: usize = 8;
/// Columns of the requests per second and the share, with the gaps.
const RATES: usize = 14;
/// Columns of what the pool does, with the gaps.
const POOL: usize = 25;
/// A narrower strip is left out.
const STRIP_MIN: usize = 5;
/// A longer name of a host is cut.
const NAME_MAX: usize = 40;

/// The division of the columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    pub(super) host: usize,
    pub(super) strip: usize,
    has_pool: bool,
}

impl Columns {
    pub(super) fn of(width: usize, hosts: &Hosts) -> Self {
        let names = hosts.hosts.iter().map(|it| it.name.chars().count());
        let longest = names.max().unwrap_or(0).clamp(WORKER, NAME_MAX);
        let rest = width.saturating_sub(1 + 2 + STATE + RATES);
        let host = longest.min(rest);
        let has_pool = rest - host >= POOL;
        let rest = rest - host - if has_pool { POOL } else { 0 };
        let strip = match rest.saturating_sub(2).min(SECONDS) {
            strip @ STRIP_MIN.. => strip,
            _ => 0,
        };
        Self {
            host,
            strip,
            has_pool,
        }
    }
}

/// A row of the table, before the cells of its rates and its pool.
pub(super) struct Left {
    pub(super) name: String,
    pub(super) state: Span,
    pub(super) strip: Vec<Span>,
}

/// What a host, a worker, or the sum of all hosts does.
#[derive(Default)]
pub(super) struct Cells {
    pub(super) rate: Option<f64>,
    pub(super) share: Option<f64>,
    pub(super) busy: String,
    pub(super) open: Option<u64>,
    pub(super) cpu: Option<f64>,
}

/// The line above the rows.
pub(super) fn column_names(columns: Columns) -> Line {
    let Columns { host, strip, .. } = columns;
    let mut text = format!(" {:<host$}  {:<STATE$}", "host", "state");
    if strip > 0 {
        text += &format!("  {:<strip$}", format!("last {strip} s"));
    }
    text += &format!("  {:>5}  {:>5}", "req/s", "share");
    if columns.has_pool {
        text += &format!("  {:>9}  {:>5}  {:>5}", "busy", "open", "CPU");
    }
    Line::styled(text, Effects::UNDERLINE)
}

/// One line of the table.
pub(super) fn row(left: Left, cells: &Cells, columns: Columns) -> Line {
    let name = name(&left.name, columns.host);
    let mut spans = vec![Span::raw(format!(" {name}  ")), left.state];
    if columns.strip > 0 {
        spans.push(Span::raw("  "));
        spans.extend(left.strip);
    }
    let rate = cells.rate.map(short).unwrap_or_default();
    let share = cells.share.map(percent).unwrap_or_default();
    let mut text = format!("  {rate:>5}  {share:>5}");
    if columns.has_pool {
        let (open, cpu) = (cells.open, cells.cpu.map(percent));
        let open = open.map(|it| short(it as f64)).unwrap_or_default();
        let (busy, cpu) = (&cells.busy, cpu.unwrap_or_default());
        text += &format!("  {busy:>9}  {open:>5}  {cpu:>5}");
    }
    spans.push(Span::raw(text));
    Line::from(spans)
}

/// The end of a name that is too long: there stand the port and what tells hosts apart.
pub(super) fn name(name: &str, width: usize) -> String {
    let long = name.chars().count().saturating_sub(width);
    match long {
        0 => format!("{name:<width$}"),
        _ if width == 0 => String::new(),
        _ => "…".chars().chain(name.chars().skip(long + 1)).collect(),
    }
}
