//! How far a bench is, on standard error: a bar on a terminal, otherwise one line a block.

use std::fmt::Arguments;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::bench::Observer;
use crate::bench::plan::{Contender, Plan, Scenario};

/// Often enough for a clock that shows seconds, too rare to cost the generator anything.
const TICK: Duration = Duration::from_millis(250);

/// The progress of one bench.
pub struct Progress {
    bar: ProgressBar,
    blocks: usize,
    on_terminal: bool,
}

impl Progress {
    /// Says what will be done.
    pub fn start(plan: &Plan, seed_is_new: bool) -> Progress {
        say(format_args!("{plan}"));
        let hint = if seed_is_new {
            " (--seed repeats its order)"
        } else {
            ""
        };
        say(format_args!("seed {}{hint}", plan.seed));
        let on_terminal = io::stderr().is_terminal();
        let target = if on_terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(plan.runs() as u64), target);
        let template = "{wide_bar} {pos}/{len}, {eta} left · {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━━─"));
        }
        if on_terminal {
            bar.enable_steady_tick(TICK);
        }
        Progress {
            bar,
            blocks: plan.blocks,
            on_terminal,
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn run_begins(&mut self, number: usize, block: usize, who: &Contender, scenario: Scenario) {
        self.bar.set_position(number as u64);
        self.bar.set_message(format!(
            "block {block}/{}: {}, {scenario}",
            self.blocks, who.name
        ));
    }

    fn block_ends(&mut self, block: usize) {
        if !self.on_terminal {
            say(format_args!("block {block} of {} done", self.blocks));
        }
    }
}

/// One line on standard error. Where that cannot be written, the bench goes on all the same.
fn say(line: Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}
