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
        title(report, width),
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

/// The server's name, and as much about it as `width` columns hold.
fn title(report: &Report, width: u16) -> Line {
    let model = format!(" {}", report.model);
    let at = format!(" at {}", report.address);
    let accept = format!(" (accept: {})", report.accept);
    let process = format!(", process {}", report.pid);
    let up = format!(", up {}", time(report.uptime_s));
    let room = usize::from(width).saturating_sub(model.chars().count());
    let forms = [
        format!("{at}{accept}{process}{up}"),
        format!("{at}{process}{up}"),
        format!("{at}{process}"),
    ];
    let rest = forms.into_iter().find(|it| it.chars().count() <= room);
    Line::from(vec![
        Span::styled(model, Effects::BOLD),
        Span::raw(rest.unwrap_or(at)),
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
        None => ("rejected", report.rejected),
    };
    let figures = [
        ("answered", short(report.requests as f64)),
        ("sent", format!("{}B", short(report.bytes as f64))),
        ("open", report.open.to_string()),
        ("slow", report.slow.to_string()),
        (refused.0, refused.1.to_string()),
        ("CPU", cpu.map_or_else(|| "?".to_owned(), percent)),
    ];
    let memory = report
        .pss_bytes
        .map(|bytes| ("PSS", format!("{}B", short(bytes as f64))));
    let mut text = String::new();
    // As many as the line has room for.
    for (name, value) in figures.into_iter().chain(memory) {
        let gap = if text.is_empty() { " " } else { "   " };
        let figure = format!("{gap}{name} {value}");
        if text.len() + figure.len() > usize::from(width) {
            break;
        }
        text += &figure;
    }
    Line::styled(text, Effects::DIMMED)
}
