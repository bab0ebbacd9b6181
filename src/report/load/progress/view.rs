//! What the live view says: how far the run is, its last second, and a sparkline of the p99. Pure.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::load::{Amount, Plan, Second, Watch, merged};
use crate::report::load::text;

/// Seconds in the sparkline, at most.
const SPARKS: usize = 60;
const SPARK: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One second as a line.
pub(super) fn line(second: &Second) -> String {
    let times = second.histogram();
    let at = |quantile| match times.is_empty() {
        true => "-".to_owned(),
        false => text::time(times.value_at_quantile(quantile)),
    };
    let mut line = format!(
        "{} s: {} requests/s, p50 {}, p99 {}, {}",
        second.index + 1,
        text::count(second.requests),
        at(0.5),
        at(0.99),
        text::plural(second.connections, "connection"),
    );
    for (count, what) in [(second.failed, "failed"), (second.waiting, "waiting")] {
        if count > 0 {
            let _ = write!(line, ", {} {what}", text::count(count));
        }
    }
    line
}

/// The seconds that all threads have told of.
#[derive(Default)]
pub(super) struct View {
    pub(super) seconds: Vec<Second>,
}

impl View {
    /// Takes the seconds that are complete. A thread's part may come later than another's.
    pub(super) fn read(&mut self, plan: &Plan, watch: &Watch) {
        let Ok(mut told) = watch.seconds.lock() else {
            return;
        };
        let Some(parts) = told.as_mut() else {
            return;
        };
        let threads = plan.threads.min(plan.connections_used());
        let mut counts = BTreeMap::<u64, usize>::new();
        for part in parts.iter() {
            *counts.entry(part.index).or_default() += 1;
        }
        let next = self.seconds.len() as u64;
        let complete = (next..)
            .take_while(|index| counts.get(index) >= Some(&threads))
            .count();
        let end = next + complete as u64;
        let taken: Vec<Second> = parts.extract_if(.., |part| part.index < end).collect();
        drop(told);
        let merged = merged(&taken).into_iter().skip(next as usize);
        self.seconds.extend(merged);
    }

    pub(super) fn text(
        &self,
        plan: &Plan,
        watch: &Watch,
        elapsed: Duration,
        width: usize,
    ) -> String {
        // Room for the ^C that a terminal shows where the cursor is.
        let room = width.saturating_sub(3);
        let mut text = cut(&position(plan, watch, elapsed), room);
        if let Some(second) = self.seconds.last() {
            text += "\n";
            text += &cut(&line(second), room);
            text += "\n";
            text += &cut(&self.sparkline(room), room);
        }
        text
    }

    /// The p99 of the last seconds; the highest bar is the longest.
    fn sparkline(&self, room: usize) -> String {
        let from = self
            .seconds
            .len()
            .saturating_sub(SPARKS.min(room.saturating_sub(20)));
        let p99 = self.seconds[from..]
            .iter()
            .map(|second| second.histogram().value_at_quantile(0.99));
        let p99: Vec<u64> = p99.collect();
        let max = p99.iter().copied().max().unwrap_or(0);
        let bars: String = p99.iter().map(|&ns| spark(ns, max)).collect();
        format!("p99 {bars} max {}", text::time(max))
    }
}

fn spark(value: u64, max: u64) -> char {
    match max {
        0 => SPARK[0],
        _ => SPARK[(value as f64 / max as f64 * (SPARK.len() - 1) as f64).round() as usize],
    }
}

/// How far the run is.
fn position(plan: &Plan, watch: &Watch, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let limit = plan.time_limit().map(|limit| limit + plan.warm_up);
    let mut text = match limit {
        Some(limit) => format!("{seconds:.1} of {:.1} s", limit.as_secs_f64()),
        None => format!("{seconds:.1} s"),
    };
    if elapsed < plan.warm_up {
        text += " (warm-up)";
    }
    let (done, failed) = (watch.requests.load(Relaxed), watch.failures.load(Relaxed));
    match plan.amount {
        Amount::Requests(all) => {
            text += &format!(
                ", {} of {} requests",
                text::count(done + failed),
                text::count(all)
            );
        }
        Amount::Duration(_) => text += &format!(", {} requests", text::count(done + failed)),
    }
    if failed > 0 {
        text += &format!(", {} failed", text::count(failed));
    }
    text
}

/// A line that does not wrap. Where there is no room, whole parts go from its end.
fn cut(line: &str, room: usize) -> String {
    if line.chars().count() <= room {
        return line.to_owned();
    }
    let kept: String = line.chars().take(room).collect();
    match kept.rsplit_once(", ") {
        Some((parts, _)) => parts.to_owned(),
        None => kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(index: u64, ms: u64) -> Second {
        Second {
            index,
            length_ns: 1_000_000_000,
            attempted: 1,
            requests: 1,
            connections: 4,
            latency_ns: vec![(ms * 1_000_000, 1)],
            ..Second::default()
        }
    }

    fn plan() -> Plan {
        Plan {
            threads: 2,
            ..Plan::new("http://127.0.0.1:1/".parse().unwrap())
        }
    }

    #[test]
    fn a_second_is_shown_when_all_threads_have_told_of_it() {
        let watch = Watch::default();
        let tell = |second| {
            let mut seconds = watch.seconds.lock().unwrap();
            seconds.get_or_insert_default().push(second);
        };
        let mut view = View::default();
        tell(second(0, 1));
        view.read(&plan(), &watch);
        assert!(view.seconds.is_empty());
        tell(second(0, 3));
        tell(second(1, 3));
        view.read(&plan(), &watch);
        assert_eq!(view.seconds.len(), 1);
        assert_eq!(
            (view.seconds[0].requests, view.seconds[0].connections),
            (2, 8)
        );
        tell(second(1, 5));
        view.read(&plan(), &watch);
        assert_eq!(view.seconds.len(), 2);
        assert_eq!(watch.seconds.lock().unwrap().as_ref().unwrap().len(), 0);
    }

    #[test]
    fn the_view_fits_any_terminal() {
        let view = View {
            seconds: (0..200).map(|index| second(index, index % 7 + 1)).collect(),
        };
        for width in [20, 40, 80, 200] {
            let text = view.text(&plan(), &Watch::default(), Duration::from_secs(3), width);
            assert_eq!(text.lines().count(), 3);
            assert!(
                text.lines().all(|line| line.chars().count() < width),
                "{text}"
            );
        }
    }

    #[test]
    fn a_line_tells_what_went_wrong() {
        let mut bad = second(4, 20);
        assert_eq!(
            line(&bad),
            "5 s: 1 requests/s, p50 20.0 ms, p99 20.0 ms, 4 connections"
        );
        (bad.failed, bad.waiting) = (2, 3);
        assert!(line(&bad).ends_with(", 2 failed, 3 waiting"));
    }

    #[test]
    fn a_narrow_terminal_gets_whole_parts() {
        let line = "2 s: 1,780 requests/s, p50 403 µs, p99 2.10 ms";
        assert_eq!(cut(line, 37), "2 s: 1,780 requests/s, p50 403 µs");
        assert_eq!(cut(line, 4), "2 s:");
        assert_eq!(cut(line, 80), line);
    }

    #[test]
    fn sparks_rise_with_the_value() {
        assert_eq!(spark(0, 0), '▁');
        assert_eq!(
            (spark(1, 100), spark(50, 100), spark(100, 100)),
            ('▁', '▅', '█')
        );
    }
}
