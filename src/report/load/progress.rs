//! How a run is going: a live view on a terminal, a line a second elsewhere.

mod screen;
mod view;

use std::io::{self, IsTerminal, Write as _};
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use terminal_size::terminal_size_of;

use super::WIDTH_MAX;
use crate::load::{Plan, Watch};
use screen::Screen;
use view::{View, line};

/// Often enough to look alive, and seldom enough not to disturb what is measured.
const REDRAW_EVERY: Duration = Duration::from_millis(200);
/// How late the end of the run may be noticed.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The part of a second in which a run ends has no line.
const WHOLE_SECOND_NS: u64 = 1_000_000_000;

/// Shows the run on standard error until `is_over`. On a terminal the view is taken away at the
/// end. Plain characters, so that there is nothing for `NO_COLOR` to switch off.
pub fn watch(plan: &Plan, watch: &Watch, is_over: impl Fn() -> bool) {
    if let Ok(mut seconds) = watch.seconds.lock() {
        seconds.get_or_insert_default();
    }
    match io::stderr().is_terminal() {
        true => live(plan, watch, is_over),
        false => lines(plan, watch, is_over),
    }
}

fn live(plan: &Plan, watch: &Watch, is_over: impl Fn() -> bool) {
    let start = Instant::now();
    let (mut view, mut screen) = (View::default(), Screen::default());
    let mut drawn = start;
    while !is_over() {
        thread::sleep(LOOK_EVERY);
        if drawn.elapsed() < REDRAW_EVERY || watch.stop.load(Relaxed) {
            continue;
        }
        drawn = Instant::now();
        view.read(plan, watch);
        let width = terminal_size_of(io::stderr()).map_or(WIDTH_MAX, |(width, _)| width.0.into());
        screen.draw(&view.text(plan, watch, start.elapsed(), width));
    }
    screen.draw("");
}

fn lines(plan: &Plan, watch: &Watch, is_over: impl Fn() -> bool) {
    let mut view = View::default();
    let mut told = 0;
    while !is_over() {
        thread::sleep(LOOK_EVERY);
        view.read(plan, watch);
        let new = view.seconds.iter().skip(told);
        for second in new.filter(|second| second.length_ns >= WHOLE_SECOND_NS) {
            // A closed standard error is no reason to end the run.
            let _ = writeln!(io::stderr(), "{}", line(second));
        }
        told = view.seconds.len();
    }
}
