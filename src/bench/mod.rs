//! The experiment: every model as a real process, under the same load, in randomised blocks.
//!
//! ```text
//!   block 1          block 2          …         a block: every contender once, in random order
//!   ┌──┬──┬──┬──┐    ┌──┬──┬──┬──┐
//!   │ C│ A│ D│ B│    │ B│ D│ A│ C│              a contender: each workload once
//!   └──┴┼─┴──┴──┘    └──┴──┴──┴──┘
//!       └─ start · warm up · window · stop      a run: a server of its own
//! ```
//!
//! Requests within one run are not independent of each other, so a run is *one* sample. One
//! contender, the reference, runs twice in each block under two names (A/A): what the two differ
//! by is what equal servers seem to differ by. A window that was disturbed is measured again at the
//! end of its block.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`workload`] | what is asked of a contender, and why |
//! | [`plan`] | contenders, blocks, order, durations |
//! | [`budget`] | how long a window may be, so that the whole ends in time |
//! | [`layout`] | which processors each side has |
//! | [`limits`] | how many connections this machine allows |
//! | [`preflight`] | one request of each kind before anything is measured |
//! | [`server`], `streams` | the server under test, from start to proof that nothing is left |
//! | [`accounting`], [`cpu_meter`] | what its processes use, and what others use meanwhile |
//! | `measure`, `figures`, `sampler`, `bystanders` | one run |
//! | [`ladder`] | the same rates for all: where each contender's response times leave |
//! | [`workers`] | how a server's workers shared the load |
//! | [`gates`], `repeats` | what must be said about a window, and whether it is measured again |
//! | [`results`] | the file: raw figures |
//! | [`stats`] | what the figures show, and what they do not |
//! | [`summary`], [`percentiles`] | from windows to rows and verdicts |
//! | [`peers`] | recipes for nginx, Apache, Gunicorn and minimal C servers |
//! | [`sweep`] | the same bench with one number varied |
//! | [`unp`] | Stevens' nine servers, and the figures that he published |
//! | [`unpaired`] | two results compared with each other: a warning |
//! | [`verify`] | whether the answers are right |

pub mod accounting;
pub mod budget;
mod bystanders;
pub mod cpu_meter;
pub mod environment;
pub mod failure;
mod figures;
pub mod gates;
pub mod json;
pub mod ladder;
pub mod layout;
pub mod limits;
mod measure;
pub mod peers;
pub mod percentiles;
pub mod plan;
pub mod preflight;
mod repeats;
pub mod request;
pub mod results;
mod rows;
mod sampler;
mod seconds;
pub mod server;
pub mod stats;
mod streams;
pub mod summary;
pub mod sweep;
pub mod unp;
pub mod unpaired;
pub mod verify;
mod waiting;
pub mod workers;
pub mod workload;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use budget::warm_up_for;
use cpu_meter::CpuMeter;
use environment::Environment;
use layout::Layout;
use measure::Bench;
use plan::{Contender, Plan};
use repeats::Repeats;
use results::{Lack, Results, Run, SCHEMA};
use workload::{CONNECTIONS_DEFAULT, Workload};

use crate::load::Watch;

/// Is told how far a bench is.
pub trait Observer {
    /// A run begins: its number from 0, its block from 1, or 0 for a look.
    fn run_begins(&mut self, number: usize, block: usize, who: &Contender, workload: &Workload);
    /// A block is done.
    fn block_ends(&mut self, block: usize);
}

/// What all benches of one process share: the division of the processors, and the program.
pub struct Setup {
    layout: Layout,
    environment: Environment,
    program: PathBuf,
}

impl Setup {
    /// Divides the processors and takes the generator's side, from which there is no way back: so
    /// this is done once.
    ///
    /// # Errors
    /// The processors cannot be divided, or this program's own path is unknown.
    pub fn prepare() -> io::Result<Setup> {
        let layout = Layout::of_this_machine()?;
        let environment = Environment::look(layout.clone());
        layout.take_generator_side()?;
        let program = std::env::current_exe()?;
        Ok(Setup {
            layout,
            environment,
            program,
        })
    }
}

impl Setup {
    /// The division that a plan wants. The generator, which is this thread, moves to its side.
    fn layout_of(&self, plan: &Plan) -> Layout {
        let Plan {
            server_cores,
            generator_cores,
            ..
        } = *plan;
        if server_cores.is_none() {
            return self.layout.clone();
        }
        let layout = Layout::divide(&self.layout.cpus(), server_cores, generator_cores);
        match layout.take_generator_side() {
            Ok(()) => layout,
            // The processors were this process's own a moment ago.
            Err(_) => self.layout.clone(),
        }
    }

    /// How many requests per second each contender answers in a closed loop: one short window
    /// each, to choose rates by. One that fails is left out.
    pub fn capacities(&self, plan: &Plan, watch: &Watch) -> Vec<f64> {
        let layout = self.layout_of(plan);
        let plan = &Plan {
            window: CAPACITY_WINDOW,
            warm_up: warm_up_for(CAPACITY_WINDOW),
            requests: None,
            ..plan.clone()
        };
        let bench = Bench {
            program: &self.program,
            plan,
            layout: &layout,
            watch,
        };
        let Some(workload) = plan.workloads.first() else {
            return Vec::new();
        };
        let closed = Workload {
            connections: CONNECTIONS_DEFAULT,
            ..workload.clone()
        };
        let contenders = plan.contenders.iter().filter(|_| !bench.stopped());
        let windows = contenders.filter_map(|it| bench.run(it, &closed).0);
        windows
            .map(|it| it.requests_per_s)
            .filter(|rate| *rate > 0.0)
            .collect()
    }
}

/// The window of [`Setup::capacities`].
const CAPACITY_WINDOW: Duration = Duration::from_millis(300);

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
