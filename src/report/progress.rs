//! The progress of a bench on standard error: a bar on a terminal, otherwise one line a block.

use std::fmt::Arguments;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::bench::Observer;
use crate::bench::plan::{Clock, Contender, Plan, counted};
use crate::bench::sweep::Sweep;
use crate::bench::workload::Workload;

/// Often enough for a clock that shows seconds, too rare to cost the generator anything.
const TICK: Duration = Duration::from_millis(250);

/// The progress of one bench.
pub struct Progress {
    bar: ProgressBar,
    blocks: usize,
    on_terminal: bool,
    /// Which part of a sweep this is, and the runs that lie behind it.
    part: String,
    runs_before: usize,
}

impl Progress {
    /// Says what will be done.
    pub fn start(plan: &Plan, notes: &[String], seed_is_new: bool) -> Progress {
        say(format_args!("{plan}"));
        for note in notes {
            say(format_args!("{note}"));
        }
        Progress::of(plan, plan.runs(), seed_is_new)
    }

    /// Says what will be done, with how long it takes on the whole.
    pub fn of_sweep(sweep: &Sweep, plan: &Plan, limits: &[String], seed_is_new: bool) -> Progress {
        let values: Vec<String> = sweep.values.iter().map(ToString::to_string).collect();
        say(format_args!(
            "{} = {}: {} × {} each, about {} in all",
            sweep.parameter.name(),
            values.join(", "),
            counted(plan.contenders.len(), "server"),
            counted(plan.blocks, "block"),
            Clock(sweep.estimate(plan))
        ));
        for limit in limits {
            say(format_args!("{limit}"));
        }
        Progress::of(plan, plan.runs() * values.len(), seed_is_new)
    }

    /// The next value of a sweep has its turn, after so many.
    pub fn next_value(&mut self, sweep: &Sweep, value: u32, plan: &Plan, values_before: usize) {
        self.part = format!("{} {value}, ", sweep.parameter.name());
        self.runs_before = plan.runs() * values_before;
    }

    fn of(plan: &Plan, runs: usize, seed_is_new: bool) -> Progress {
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
        let bar = ProgressBar::with_draw_target(Some(runs as u64), target);
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
            part: String::new(),
            runs_before: 0,
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn run_begins(&mut self, number: usize, block: usize, who: &Contender, workload: &Workload) {
        self.bar.set_position((self.runs_before + number) as u64);
        let (part, all, name) = (&self.part, self.blocks, &workload.name);
        let place = match block {
            0 => format!("{part}a look"),
            block => format!("{part}block {block}/{all}"),
        };
        // Repeated windows and added blocks come on top of the plan.
        if self.bar.length().is_some_and(|all| all <= number as u64) {
            self.bar.set_length(number as u64 + 1);
        }
        self.bar
            .set_message(format!("{place}: {}, {name}", who.name));
    }

    fn block_ends(&mut self, block: usize) {
        if !self.on_terminal {
            let all = self.blocks.max(block);
            say(format_args!("{}block {block} of {all} done", self.part));
        }
    }
}

/// One line on standard error. Where that cannot be written, the bench goes on all the same.
fn say(line: Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}
