//! Draws several servers: a row for each, and its workers below. Pure.
//!
//! ```text
//!    3 hosts: 2 ready, 1 unreachable
//!
//!    host             state     last 15 s        req/s  share       busy   open    CPU
//!    all                        ▃▅▅▆▆█▆▅▅▃▃        912   100%        3/8     13   120%
//!    10.78.0.1:8080   ready     ▄▅▆▇███▆▄▂▁        512    56%        2/4     12    80%
//!         0     4243  W         ▁▂▄▆███▆▄▂▁        256    28%                 6    40%
//!    10.78.0.3:8080   unreachable for 12 s: connection refused
//! ```

use std::collections::BTreeMap;

use super::format::{QUIET, bar, time};
use super::frame;
use super::help;
use super::history::Second;
use super::hosts::{Condition, Host, Hosts};
use super::hosts_row::{Cells, Columns, Left, STATE, column_names, name, row};
use super::keys::Key;
use super::styled::{Color, Effects, Line, Span, state_style};
use super::view::{Look, Update, View};
use crate::scoreboard::State;
use crate::status::Worker;

/// Lines above the rows: title, space, names of the columns, sum.
const HEADER_LINES: usize = 4;
impl View for Hosts {
    fn update(&mut self, update: Update) {
        self.take(update);
    }

    fn lines(&mut self, look: Look) -> Vec<Line> {
        lines(self, look)
    }

    fn press(&mut self, key: Key) -> bool {
        Hosts::press(self, key)
    }
}

fn lines(hosts: &mut Hosts, look: Look) -> Vec<Line> {
    let width = usize::from(look.width);
    let footer = usize::from(look.interactive);
    hosts.rows = usize::from(look.height).saturating_sub(HEADER_LINES + footer);
    hosts.shows_workers = true;
    let columns = Columns::of(width, hosts);
    let mut rows = rows(hosts, columns, width);
    hosts.shows_workers = hosts.wants_workers.unwrap_or(rows.len() <= hosts.rows);
    if !hosts.shows_workers {
        rows = self::rows(hosts, columns, width);
    }
    let all = rows.len();
    hosts.first_row = hosts.first_row.min(all.saturating_sub(hosts.rows));
    let mut lines = vec![title(hosts, width), Line::default()];
    if hosts.shows_help {
        lines.extend(help::hosts_lines());
    } else {
        lines.push(column_names(columns));
        lines.push(sum(hosts, columns));
        lines.extend(rows.into_iter().skip(hosts.first_row).take(hosts.rows));
    }
    if look.interactive {
        let height = usize::from(look.height);
        lines.truncate(height.saturating_sub(1));
        lines.resize(height.saturating_sub(1), Line::default());
        lines.push(footer_line(hosts, all, look.width));
    }
    if !look.colour {
        lines = lines.into_iter().map(Line::without_colour).collect();
    }
    lines
}

/// How many hosts there are, and in which condition.
fn title(hosts: &Hosts, width: usize) -> Line {
    let mut counts = BTreeMap::new();
    for host in &hosts.hosts {
        let (order, word) = match &host.condition {
            Condition::Ready => (0, "ready"),
            Condition::Draining => (1, "draining"),
            Condition::Silent { what, .. } => (2, *what),
            Condition::Asked => (3, "asked"),
        };
        *counts.entry((order, word)).or_insert(0_usize) += 1;
    }
    let counts = counts
        .iter()
        .map(|((_, word), count)| format!("{count} {word}"));
    let counts: Vec<String> = counts.collect();
    let name = format!(" {} hosts", hosts.hosts.len());
    let room = width.saturating_sub(name.chars().count());
    let counts = format!(": {}", counts.join(", "));
    let counts = cut(counts, room);
    Line::from(vec![Span::styled(name, Effects::BOLD), Span::raw(counts)])
}

/// The rows of all hosts and, if they are shown, of their workers.
fn rows(hosts: &Hosts, columns: Columns, width: usize) -> Vec<Line> {
    let rate = hosts.rate();
    let most = hosts.hosts.iter().flat_map(|it| seconds(it, columns.strip));
    let most = most.map(|it| it.requests).max().unwrap_or(0);
    let mut rows = Vec::new();
    for host in hosts.sorted() {
        let Some(report) = host.report() else {
            rows.push(silent(host, hosts.now_s, columns, width));
            continue;
        };
        rows.push(of_host(host, rate, most, columns));
        if hosts.shows_workers {
            let workers = frame::sorted(&host.screen, report);
            let workers = workers.iter().filter(|it| it.state() != State::Empty);
            rows.extend(workers.map(|worker| of_worker(host, worker, rate, columns)));
        }
    }
    rows
}

fn of_host(host: &Host, all: Option<f64>, most: u64, columns: Columns) -> Line {
    let (word, colour) = match host.condition {
        Condition::Draining => ("draining", Color::Magenta),
        _ => ("ready", Color::Green),
    };
    let strip = bars(&seconds(host, columns.strip), most, columns.strip);
    let left = Left {
        name: host.name.clone(),
        state: Span::styled(format!("{word:<STATE$}"), colour.on_default()),
        strip: vec![Span::styled(strip, Color::Green.on_default())],
    };
    let report = host.report();
    let rate = host.rate();
    let cells = Cells {
        rate,
        share: share(rate, all),
        busy: report.map_or_else(String::new, |it| pool(it.busy, it.busy + it.idle)),
        open: report.map(|it| it.open),
        cpu: host.cpu(),
    };
    row(left, &cells, columns)
}

fn of_worker(host: &Host, worker: &Worker, all: Option<f64>, columns: Columns) -> Line {
    let state = worker.state();
    let rate = frame::rate(&host.screen, worker);
    let left = Left {
        name: format!("{:>5} {:>8}", worker.slot, worker.tid),
        state: Span::styled(
            format!("{:<STATE$}", worker.state),
            state_style(Some(state)),
        ),
        strip: frame::strip(&host.screen, worker, columns.strip),
    };
    let cells = Cells {
        rate,
        share: share(rate, all),
        busy: String::new(),
        open: Some(worker.open),
        cpu: host.screen.history.worker_cpu(worker.slot),
    };
    row(left, &cells, columns)
}

/// All hosts that answer, together.
fn sum(hosts: &Hosts, columns: Columns) -> Line {
    let mut sums = vec![Second::default(); columns.strip];
    for host in &hosts.hosts {
        let seconds = seconds(host, columns.strip);
        for (sum, second) in sums.iter_mut().rev().zip(seconds.iter().rev()) {
            sum.requests = sum.requests.saturating_add(second.requests);
            sum.workers = sum.workers.saturating_add(second.workers);
        }
    }
    let most = sums.iter().map(|it| it.requests).max().unwrap_or(0);
    let strip = bars(&sums, most, columns.strip);
    let left = Left {
        name: "all".to_owned(),
        state: Span::raw(" ".repeat(STATE)),
        strip: vec![Span::styled(strip, Color::Green.on_default())],
    };
    let reports: Vec<_> = hosts.hosts.iter().filter_map(Host::report).collect();
    let busy = reports.iter().map(|it| it.busy).sum();
    let idle: usize = reports.iter().map(|it| it.idle).sum();
    let rate = hosts.rate();
    let cells = Cells {
        rate,
        share: share(rate, rate),
        busy: pool(busy, busy + idle),
        open: Some(
            reports
                .iter()
                .fold(0, |sum, it| it.open.saturating_add(sum)),
        ),
        cpu: hosts
            .hosts
            .iter()
            .filter_map(Host::cpu)
            .reduce(|a, b| a + b),
    };
    row(left, &cells, columns)
}

/// A host without a report: since when, and why.
fn silent(host: &Host, now_s: f64, columns: Columns, width: usize) -> Line {
    let name = name(&host.name, columns.host);
    let Condition::Silent { what, reason } = &host.condition else {
        return Line::raw(format!(" {name}  asked"));
    };
    let since = time((now_s - host.heard_s).max(0.0));
    let room = width.saturating_sub(columns.host + 3);
    let text = cut(format!("{what} for {since}: {reason}"), room);
    Line::from(vec![
        Span::raw(format!(" {name}  ")),
        Span::styled(text, Color::Red.on_default()),
    ])
}

/// The beginning of a text that is too long.
fn cut(text: String, width: usize) -> String {
    match text.chars().count() > width {
        true => frame::fit(&text, width),
        false => text,
    }
}

fn pool(busy: usize, all: usize) -> String {
    format!("{busy}/{all}")
}

fn share(part: Option<f64>, all: Option<f64>) -> Option<f64> {
    let all = all.filter(|&all| all > 0.0)?;
    Some(part? / all)
}

/// The last seconds of a host, the current one last.
fn seconds(host: &Host, count: usize) -> Vec<Second> {
    let all = host.screen.history.seconds();
    let mut shown: Vec<Second> = all.rev().take(count).copied().collect();
    shown.reverse();
    // The current second is not over; the present rate estimates its total.
    if let (Some(last), Some(rate)) = (shown.last_mut(), host.rate()) {
        last.requests = rate as u64;
        last.workers = last.workers.max(1);
    }
    shown
}

/// A bar for each second, a gap for one without a report.
fn bars(seconds: &[Second], most: u64, width: usize) -> String {
    let bars = seconds.iter().map(|second| match second {
        Second {
            requests: 0,
            workers: 0,
            ..
        } => ' ',
        Second { requests: 0, .. } => QUIET,
        Second { requests, .. } => bar(*requests as f64 / most.max(1) as f64),
    });
    let bars: String = bars.collect();
    format!("{bars:>width$}")
}

fn footer_line(hosts: &Hosts, all: usize, width: u16) -> Line {
    let help = if hosts.shows_help { "? back" } else { "? help" };
    let pause = if hosts.is_paused {
        "p go on (paused)"
    } else {
        "p pause"
    };
    let workers = if hosts.shows_workers {
        "w hosts only"
    } else {
        "w workers"
    };
    let sort = format!("s sort: {}", hosts.sort.name());
    let last = (hosts.first_row + hosts.rows).min(all);
    let shown = match last - hosts.first_row == all {
        true => format!("{all} rows"),
        false => format!("↑↓ {}-{last} of {all} rows", hosts.first_row + 1),
    };
    frame::keys_line(vec!["q quit", help, pause, &sort, workers, &shown], width)
}

#[cfg(test)]
#[path = "hosts_frame_tests.rs"]
mod tests;
