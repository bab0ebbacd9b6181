//! A plan carried out: block after block, and the disturbed windows of each once more.

use std::io;
use std::path::Path;
use std::time::Instant;

use super::contender::Contender;
use super::cpu_meter::CpuMeter;
use super::environment::Environment;
use super::measure::Bench;
use super::plan::Plan;
use super::repeats::Repeats;
use super::results::{Lack, Results, Run, SCHEMA};
use super::setup::Setup;
use super::stats;
use super::workload::Workload;
use crate::load::Watch;

/// Is told how far a bench is.
pub trait Observer {
    /// A run begins: its number from 0, its block from 1, or 0 for a look.
    fn run_begins(&mut self, number: usize, block: usize, who: &Contender, workload: &Workload);
    /// A block is done.
    fn block_ends(&mut self, block: usize);
}

/// What a bench leaves, whatever ended it.
pub struct Outcome {
    /// All that was measured.
    pub results: Results,
    /// Why the results could not be saved; the bench ended there.
    pub unsaved: Option<io::Error>,
}

/// Carries out `plan`, and saves what is measured in `directory` after each block.
///
/// Must be called on a thread that lives as long as the servers: they are killed when it ends.
/// Setting [`Watch::stop`] ends it early; the run that was under way is left out. What goes wrong
/// with a contender is in the results.
pub fn run(
    setup: &Setup,
    plan: Plan,
    lacks: Vec<Lack>,
    directory: &Path,
    watch: &Watch,
    observer: &mut dyn Observer,
) -> Outcome {
    let layout = setup.layout_of(&plan);
    let environment = Environment {
        layout: layout.clone(),
        ..setup.environment.clone()
    };
    let results = Results {
        schema: SCHEMA,
        interrupted: true,
        environment,
        lacks,
        runs: Vec::new(),
        plan,
    };
    let plan = results.plan.clone();
    let bench = Bench {
        program: &setup.program,
        plan: &plan,
        layout: &layout,
        watch,
    };
    let experiment = Experiment {
        repeats: Repeats::new(plan.repeats_max()),
        entrants: plan.entrants(),
        begun: Instant::now(),
        meter: CpuMeter::read(),
        bench,
        results,
        observer,
    };
    experiment.carry_out(directory)
}

/// A bench under way.
struct Experiment<'a> {
    bench: Bench<'a>,
    entrants: Vec<Contender>,
    results: Results,
    repeats: Repeats,
    begun: Instant,
    meter: CpuMeter,
    observer: &'a mut dyn Observer,
}

impl Experiment<'_> {
    fn carry_out(mut self, directory: &Path) -> Outcome {
        let plan = self.bench.plan;
        let steps = plan.steps();
        for (index, order) in plan.orders().enumerate() {
            if self.has_enough(index) || self.bench.stopped() {
                break;
            }
            self.block(index + 1, &order, &steps);
            if let Err(error) = self.save(directory) {
                return self.ended(Some(error));
            }
            if !self.bench.stopped() {
                self.observer.block_ends(index + 1);
            }
        }
        if !plan.looks.is_empty() && !self.bench.stopped() {
            let order: Vec<usize> = (0..plan.contenders.len()).collect();
            self.block(0, &order, &plan.looks);
        }
        self.results.interrupted = self.bench.stopped();
        let saved = self.save(directory);
        self.ended(saved.err())
    }

    /// Whether so many blocks do.
    fn has_enough(&self, blocks: usize) -> bool {
        let plan = self.bench.plan;
        let Some(half_width) = plan.until.filter(|_| blocks >= plan.blocks) else {
            return blocks >= plan.blocks;
        };
        let is_narrow = |workload: &Workload| {
            let mut contenders: Vec<&Contender> = plan.contenders.iter().collect();
            contenders.swap(0, plan.reference);
            let columns: Vec<_> = contenders
                .iter()
                .map(|it| self.results.column(&it.name, workload))
                .collect();
            stats::planning::is_narrow(&columns, half_width)
        };
        self.begun.elapsed() >= plan.max_time || plan.workloads.iter().all(is_narrow)
    }

    /// Every entrant once under each workload, then the disturbed windows again.
    fn block(&mut self, block: usize, order: &[usize], workloads: &[Workload]) {
        let mut again = Vec::new();
        for &entrant in order {
            for workload in workloads {
                again.extend(self.window(block, entrant, workload, 1));
            }
        }
        while let Some((entrant, workload, attempt)) = again.pop() {
            again.extend(self.window(block, entrant, workload, attempt));
        }
    }

    /// Measures one window. Returns what to measure again.
    fn window<'w>(
        &mut self,
        block: usize,
        entrant: usize,
        workload: &'w Workload,
        attempt: u32,
    ) -> Option<(usize, &'w Workload, u32)> {
        let who = self.entrants.get(entrant)?;
        let lacks = |it: &Lack| it.contender == who.name && workload.is_step_of(&it.workload);
        if self.bench.stopped() || self.results.lacks.iter().any(lacks) {
            return None;
        }
        let number = self.results.runs.len();
        self.observer.run_begins(number, block, who, workload);
        let (measurement, failure) = self.bench.run(who, workload);
        // A window that was cut short is no sample like the others.
        if self.bench.stopped() {
            return None;
        }
        let run = Run {
            block,
            contender: who.name.clone(),
            workload: workload.name.clone(),
            attempt,
            failure,
            measurement,
        };
        let again = self.repeats.take(&run);
        self.results.runs.push(run);
        again.then_some((entrant, workload, attempt + 1))
    }

    fn save(&mut self, directory: &Path) -> io::Result<()> {
        self.results.environment.steal_share = self.meter.elapsed().steal_share();
        self.results.write(directory)
    }

    fn ended(self, unsaved: Option<io::Error>) -> Outcome {
        Outcome {
            results: self.results,
            unsaved,
        }
    }
}
