//! The lines above the workers: what concerns the whole server. Pure.

use super::columns::{Columns, RIGHT};
use super::format::{QUIET, bar, percent, short, time};
use super::history::Second;
use super::screen::Screen;
use super::styled::{Color, Effects, Line, Span};
use crate::status::Report;

/// The lines about the whole server.
pub(super) fn lines(screen: &Screen, report: &Report, columns: Columns, width: u16) -> Vec<Line> {
    let seconds: Vec<Second> = screen.history.seconds().copied().collect();
    let rate = screen.history.rate(|it| Some(it.requests as f64));
    let mut requests: Vec<u64> = seconds.iter().map(|it| it.requests).collect();
    // The current second is not over; the present rate estimates its total.
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
        other_server(screen),
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

/// A warning that another server answers on the same port.
fn other_server(screen: &Screen) -> Line {
    match screen.other_server() {
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

/// A line with a name, a graph of the last minute, and the present value.
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
    // A terminal of 80 columns may have no room for this.
    let memory = report.pss_bytes;
    let memory = memory.map(|bytes| format!("   PSS {}B", short(bytes as f64)));
    if let Some(memory) = memory.filter(|it| text.len() + it.len() <= usize::from(width)) {
        text += &memory;
    }
    Line::styled(text, Effects::DIMMED)
}
