//! Lanes in a terminal: a row for each client, time to the right. Pure.
//!
//! ```text
//! quick 1  0|
//! slow     0────────────────────0|
//! silent    1────────────────────────|
//! quick 2   ····················0|
//! ```

use super::join::{Kind, Lane, Span, Timeline};

/// The characters of a drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// Lines and dots.
    Unicode,
    /// For terminals and files without them.
    Ascii,
}

impl Charset {
    /// What the output can show. A terminal of a locale without UTF-8 would show lines and dots as
    /// question marks (`locale(7)`: the first of these variables that is set decides).
    pub fn of_terminal(is_terminal: bool) -> Self {
        let names = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
        let mut values = names.filter_map(|name| std::env::var(name).ok());
        let locale = values.find(|it| !it.is_empty()).unwrap_or_default();
        let locale = locale.to_lowercase();
        let has_utf8 = locale.contains("utf-8") || locale.contains("utf8");
        match is_terminal && !has_utf8 {
            true => Self::Ascii,
            false => Self::Unicode,
        }
    }
}

/// Below this, no time could be told apart.
const WIDTH_MIN: usize = 40;
/// The longest name that is shown whole.
const NAME_MAX: usize = 14;

/// Draws the lanes of at most `rows` clients, `width` columns wide.
pub fn lanes(timeline: &Timeline, width: usize, rows: usize, charset: Charset) -> String {
    let shown = &timeline.lanes[..timeline.lanes.len().min(rows)];
    let names = shown.iter().map(|it| it.name.chars().count().min(NAME_MAX));
    let margin = names.max().unwrap_or(0) + 2;
    let columns = width.max(WIDTH_MIN) - margin;
    let mut text = axis(timeline.end_ns, margin, columns);
    let mut drawn = String::new();
    for lane in shown {
        let name: String = lane.name.chars().take(NAME_MAX).collect();
        let row = row(lane, timeline.end_ns, columns, charset);
        drawn += &row;
        text += format!("{name:<margin$}{row}").trim_end();
        text.push('\n');
    }
    if shown.len() < timeline.lanes.len() {
        let more = timeline.lanes.len() - shown.len();
        text += &format!("{more} more clients: see --rows\n");
    }
    text + &legend(timeline, &drawn, width.max(WIDTH_MIN), charset)
}

/// The times at both ends.
fn axis(end_ns: u64, margin: usize, columns: usize) -> String {
    let end = duration(end_ns);
    let left = columns.saturating_sub(end.chars().count());
    format!("{:margin$}{:<left$}{end}\n", "", "0")
}

/// A time with a unit that suits it.
pub(super) fn duration(ns: u64) -> String {
    let (value, unit) = match ns {
        0..10_000 => (ns as f64 / 1e3, "µs"),
        10_000..1_000_000 => return format!("{} µs", ns / 1000),
        1_000_000..10_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    match value {
        100.0.. => format!("{value:.0} {unit}"),
        _ => format!("{value:.1} {unit}"),
    }
}

/// Each span takes one column at least. Where several meet in a column, the one that says most is
/// drawn: a handler before a wait, a wait before a connection that is merely open.
fn row(lane: &Lane, end_ns: u64, columns: usize, charset: Charset) -> String {
    let mut cells = vec![(None, ' '); columns];
    for span in lane.spans() {
        let (from, to) = (
            column(span.from_ns, end_ns, columns),
            column(span.to_ns, end_ns, columns),
        );
        for (at, cell) in cells
            .iter_mut()
            .enumerate()
            .take(to.max(from) + 1)
            .skip(from)
        {
            if cell.0.is_none_or(|kind| kind < span.kind) {
                *cell = (Some(span.kind), glyph(span, at == from, charset));
            }
        }
    }
    let closed = lane
        .spans()
        .map(|it| column(it.to_ns, end_ns, columns))
        .max();
    if let Some(end) = closed.filter(|end| end + 1 < columns) {
        cells[end + 1].1 = '|';
    }
    cells.into_iter().map(|(_, glyph)| glyph).collect()
}

fn column(ns: u64, end_ns: u64, columns: usize) -> usize {
    // The last column is kept for the mark of the end.
    let last = columns.saturating_sub(2) as u128;
    (u128::from(ns) * last / u128::from(end_ns.max(1))) as usize
}

fn glyph(span: &Span, is_first: bool, charset: Charset) -> char {
    let label = span.worker.map_or('?', label);
    let (queued, accepted, held) = match charset {
        Charset::Unicode => ('·', '░', '─'),
        Charset::Ascii => ('.', '~', '-'),
    };
    match span.kind {
        Kind::Queued => queued,
        Kind::Accepted => accepted,
        Kind::Rejected => '!',
        Kind::Held if is_first => label,
        Kind::Held => held,
        Kind::Handler => label,
    }
}

/// One character for a worker; beyond 36 of them they share one.
pub(super) fn label(worker: usize) -> char {
    let digit = u32::try_from(worker).ok();
    digit.and_then(|it| char::from_digit(it, 36)).unwrap_or('+')
}

/// Workers that the legend names one by one.
const WORKERS_NAMED: usize = 6;

/// What the characters in `drawn` mean.
fn legend(timeline: &Timeline, drawn: &str, width: usize, charset: Charset) -> String {
    let (queued, accepted, held) = match charset {
        Charset::Unicode => ("···", "░░░", "0──"),
        Charset::Ascii => ("...", "~~~", "0--"),
    };
    let has = |kind| {
        let mut spans = timeline.lanes.iter().flat_map(Lane::spans);
        spans.any(|it| it.kind == kind)
    };
    let rows = [
        (Kind::Queued, queued, "waits in the accept queue"),
        (Kind::Accepted, accepted, "accepted, and waits for a worker"),
        (Kind::Held, held, "worker 0 has the connection"),
        (Kind::Handler, "000", "its handler has the request"),
        (Kind::Rejected, "!!!", "answered 503"),
    ];
    // A wait that is too short for a column is not drawn.
    let is_drawn = |kind, glyph: &str| match kind {
        Kind::Held | Kind::Handler => has(kind),
        _ => glyph.chars().next().is_some_and(|it| drawn.contains(it)),
    };
    let rows = rows.iter().filter(|row| is_drawn(row.0, row.1));
    let mut items: Vec<String> = rows
        .map(|(_, glyph, text)| format!("{glyph} {text}"))
        .collect();
    let named = timeline.workers.iter().take(WORKERS_NAMED).enumerate();
    items.extend(named.map(|(at, worker)| {
        let thread = match worker.thread == worker.pid {
            true => String::new(),
            false => format!(" thread {}", worker.thread),
        };
        format!("{} is process {}{thread}", label(at), worker.pid)
    }));
    if timeline.is_full {
        items.push("the trace was full before the end".to_owned());
    }
    fold(&items, width)
}

/// Items with two spaces between them, as many to a line as fit.
fn fold(items: &[String], width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + item.chars().count() <= width => {
                *line = format!("{line}  {item}");
            }
            _ => lines.push(item.clone()),
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::join::{Connection, Worker};
    use super::*;

    fn lane(name: &str, spans: &[(Kind, u64, u64, Option<usize>)]) -> Lane {
        let spans = spans.iter().map(|&(kind, from_ns, to_ns, worker)| Span {
            from_ns,
            to_ns,
            kind,
            worker,
        });
        let (spans, events) = (spans.collect(), Vec::new());
        let connections = vec![Connection {
            port: 1,
            spans,
            events,
        }];
        let name = name.to_owned();
        Lane { name, connections }
    }

    fn timeline() -> Timeline {
        let worker = |thread| Worker {
            pid: 40,
            thread,
            slot: 0,
        };
        Timeline {
            lanes: vec![
                lane(
                    "slow",
                    &[
                        (Kind::Held, 0, 20, Some(0)),
                        (Kind::Handler, 20, 30, Some(0)),
                    ],
                ),
                lane("silent", &[(Kind::Held, 1, 40, Some(1))]),
                lane(
                    "quick",
                    &[
                        (Kind::Queued, 2, 30, None),
                        (Kind::Handler, 30, 30, Some(0)),
                    ],
                ),
            ],
            workers: vec![worker(40), worker(41)],
            end_ns: 40,
            ..Timeline::default()
        }
    }

    #[test]
    fn waiting_and_being_served_and_by_which_worker_are_told_apart() {
        let drawn = lanes(&timeline(), 50, 10, Charset::Ascii);
        let expected = "
        0                                   0.0 µs
slow    0-------------------00000000000|
silent   1---------------------------------------|
quick     ............................0|
... waits in the accept queue
0-- worker 0 has the connection
000 its handler has the request  0 is process 40
1 is process 40 thread 41
";
        assert_eq!(format!("\n{drawn}"), expected);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [1, 40, 57, 200] {
            let drawn = lanes(&timeline(), width, 10, Charset::Unicode);
            let widest = drawn.lines().map(|it| it.chars().count()).max();
            assert!(
                widest <= Some(width.max(40)),
                "{width}: {widest:?}\n{drawn}"
            );
        }
    }

    #[test]
    fn rows_beyond_the_limit_are_counted() {
        let drawn = lanes(&timeline(), 60, 1, Charset::Unicode);
        assert!(drawn.contains("2 more clients"), "{drawn}");
        assert!(!drawn.contains("silent"), "{drawn}");
    }

    #[test]
    fn times_have_a_unit_that_suits_them() {
        let times = [900, 56_000, 1_500_000, 123_000_000, 12_345_000_000];
        let times: Vec<_> = times.into_iter().map(duration).collect();
        assert_eq!(times, ["0.9 µs", "56 µs", "1.5 ms", "123 ms", "12.3 s"]);
    }
}
