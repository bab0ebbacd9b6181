//! The progress of a bench on standard error: a bar on a terminal, otherwise one line a block.

use std::fmt::Arguments;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::bench::Observer;
use crate::bench::contender::Contender;
use crate::bench::plan::{Clock, Plan, counted};
use crate::bench::sweep::Sweep;
use crate::bench::workload::Workload;

/// Often enough for a clock that shows seconds, too rare to cost the generator anything.
const TICK: Duration = Duration::from_millis(250);

/// The progress of one bench.
pub struct Progress {
    /// Its unit is a millisecond of what the plan takes by its estimate: runs are not equally long.
    bar: ProgressBar,
    /// Of the whole bench, or of the value of a sweep that has its turn.
    plan: Plan,
    runs: usize,
    on_terminal: bool,
    /// Which part of a sweep this is, and the runs that lie behind it.
    part: String,
    runs_before: usize,
    /// What the runs before this one took by the estimate, and what this one takes.
    before: Duration,
    current: Duration,
}

impl Progress {
    /// Says what will be done.
    pub fn start(plan: &Plan, notes: &[String], seed_is_new: bool) -> Progress {
        say(format_args!("{plan}"));
        for note in notes {
            say(format_args!("{note}"));
        }
        Progress::of(plan, (plan.runs(), plan.estimate()), seed_is_new)
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
        let runs = plan.runs() * values.len();
        Progress::of(plan, (runs, sweep.estimate(plan)), seed_is_new)
    }

    /// The next value of a sweep has its turn, after so many.
    pub fn next_value(&mut self, sweep: &Sweep, value: u32, plan: &Plan, values_before: usize) {
        self.part = format!("{} {value}, ", sweep.parameter.name());
        self.runs_before = plan.runs() * values_before;
        self.plan = sweep.plan_at(value, plan);
    }

    fn of(plan: &Plan, (runs, estimate): (usize, Duration), seed_is_new: bool) -> Progress {
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
        let bar = ProgressBar::with_draw_target(Some(milliseconds(estimate)), target);
        let template = "{wide_bar} {prefix}, {eta} left · {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━━─"));
        }
        if on_terminal {
            bar.enable_steady_tick(TICK);
        }
        Progress {
            bar,
            plan: plan.clone(),
            runs,
            on_terminal,
            part: String::new(),
            runs_before: 0,
            before: Duration::ZERO,
            current: Duration::ZERO,
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Progress {
    fn run_begins(&mut self, number: usize, block: usize, who: &Contender, workload: &Workload) {
        self.before += self.current;
        self.current = self.plan.slot(workload);
        let number = self.runs_before + number + 1;
        // Repeated windows and added blocks come on top of the plan.
        self.runs = self.runs.max(number);
        let end = milliseconds(self.before + self.current);
        if self.bar.length().is_some_and(|all| all < end) {
            self.bar.set_length(end);
        }
        self.bar.set_position(milliseconds(self.before));
        self.bar.set_prefix(format!("{number}/{}", self.runs));
        let (part, all, name) = (&self.part, self.plan.blocks, &workload.name);
        let place = match block {
            0 => format!("{part}a look"),
            block => format!("{part}block {block}/{all}"),
        };
        self.bar
            .set_message(format!("{place}: {}, {name}", who.name));
    }

    fn block_ends(&mut self, block: usize) {
        if !self.on_terminal {
            let all = self.plan.blocks.max(block);
            say(format_args!("{}block {block} of {all} done", self.part));
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One line on standard error. Where that cannot be written, the bench goes on all the same.
fn say(line: Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}
