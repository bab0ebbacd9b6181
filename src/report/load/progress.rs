//! How a run is going, on a terminal.

use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::text;
use crate::load::{Amount, Plan, Watch};

/// Often enough to look alive, and seldom enough not to disturb what is measured.
const REDRAW_EVERY: Duration = Duration::from_millis(200);

/// Draws a bar on standard error until `is_over`, then removes it. Draws nothing where standard
/// error is no terminal. Plain characters, so that there is nothing for `NO_COLOR` to switch off.
pub fn watch(plan: &Plan, watch: &Watch, is_over: impl Fn() -> bool) {
    let start = Instant::now();
    let bar = ProgressBar::new(match plan.amount {
        Amount::Requests(requests) => requests,
        Amount::Duration(duration) => duration.as_millis() as u64,
    });
    bar.set_style(
        ProgressStyle::with_template("{elapsed:>4} [{bar:30}] {msg}")
            .expect("the template is well formed"),
    );
    let (mut then, mut requests_then) = (start, 0);
    while !is_over() {
        thread::sleep(REDRAW_EVERY);
        let (now, requests) = (Instant::now(), watch.requests.load(Relaxed));
        let failures = watch.failures.load(Relaxed);
        let per_s = (requests - requests_then) as f64 / (now - then).as_secs_f64();
        bar.set_position(match plan.amount {
            Amount::Requests(_) => requests + failures,
            Amount::Duration(_) => (now - start).as_millis() as u64,
        });
        bar.set_message(match failures {
            0 => format!("{} requests/s", text::rate(per_s)),
            _ => format!(
                "{} requests/s, {} failed",
                text::rate(per_s),
                text::count(failures)
            ),
        });
        (then, requests_then) = (now, requests);
    }
    bar.finish_and_clear();
}
