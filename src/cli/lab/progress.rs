//! What a lab does at the moment, as one line on a terminal. Elsewhere nothing is shown.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::lab::Progress;

/// Often enough for a sign of life.
const TICK: Duration = Duration::from_millis(250);

/// Shown below what was said so far, and taken away at the end of a lab.
pub(super) struct Line {
    bar: ProgressBar,
    on_terminal: bool,
}

impl Line {
    pub(super) fn new() -> Line {
        Line {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            on_terminal: io::stderr().is_terminal(),
        }
    }

    /// Shows the line from now on.
    pub(super) fn begin(&self) {
        self.bar.reset();
        if !self.on_terminal {
            return;
        }
        let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
        if let Ok(style) = style {
            self.bar.set_style(style);
        }
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.enable_steady_tick(TICK);
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        self.bar.disable_steady_tick();
        self.bar.finish_and_clear();
        self.bar.set_draw_target(ProgressDrawTarget::hidden());
    }

    /// Prints on standard error. Where that cannot be written, the lab goes on all the same.
    pub(super) fn say(&self, text: &str) {
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// The same without an end of line behind it.
    pub(super) fn prompt(&self, text: &str) {
        self.say(text);
        let _ = io::stderr().flush();
    }
}

impl Progress for Line {
    fn step(&self, what: &str, part: Option<(usize, usize)>) {
        let said = match part {
            Some((done, all)) => format!("{}/{all} {what}", done + 1),
            None => what.to_owned(),
        };
        self.bar.set_message(said);
    }
}
