//! The experiment: every model as a real process, under the same load, in randomised blocks.
//!
//! ```text
//!   block 1          block 2          …         a block: every contender once, in random order
//!   ┌──┬──┬──┬──┐    ┌──┬──┬──┬──┐
//!   │ C│ A│ D│ B│    │ B│ D│ A│ C│              a contender: each scenario once
//!   └──┴┼─┴──┴──┘    └──┴──┴──┴──┘
//!       └─ start · warm up · window · stop      a run: a server of its own
//! ```
//!
//! Requests within one run are not independent of each other, so a run is *one* sample; the table
//! shows the median over the blocks, with the extremes.
//!
//! | room | what happens in it |
//! | --- | --- |
//! | [`plan`] | who, how often, in which order, how long |
//! | [`budget`] | how long a window may be, so that the whole ends in time |
//! | [`layout`] | which processors each side has |
//! | [`limits`] | how many connections this machine allows |
//! | [`server`], `streams` | the server under test, from start to proof that nothing is left |
//! | [`accounting`], [`cpu_meter`] | what its processes use, and what others use meanwhile |
//! | `measure`, `sampler` | one run |
//! | [`workers`] | how a server's workers shared the load |
//! | [`gates`] | what must be said about a window |
//! | [`stats`] | what the figures show, and what they do not |
//! | [`summary`] | from windows to rows |
//! | [`results`] | the file |
//! | [`sweep`] | the same bench with one number varied |
//! | [`unp`] | Stevens' nine servers, and the figures that he published |
//! | [`verify`] | whether the answers are right |

pub mod accounting;
pub mod budget;
pub mod cpu_meter;
pub mod environment;
pub mod failure;
pub mod gates;
pub mod json;
pub mod layout;
pub mod limits;
mod measure;
pub mod plan;
pub mod results;
mod sampler;
mod seconds;
pub mod server;
pub mod stats;
mod streams;
pub mod summary;
pub mod sweep;
pub mod unp;
pub mod verify;
pub mod workers;

use std::io;
use std::path::{Path, PathBuf};

use cpu_meter::CpuMeter;
use environment::Environment;
use layout::Layout;
use measure::Bench;
use plan::{Contender, Plan, Scenario};
use results::{Results, Run, SCHEMA};

use crate::load::Watch;

/// Whoever wants to know how far it is.
pub trait Observer {
    /// A run begins: its number from 0 of [`Plan::runs`], its block from 1.
    fn run_begins(&mut self, number: usize, block: usize, who: &Contender, scenario: Scenario);
    /// A block is done.
    fn block_ends(&mut self, block: usize);
}

/// What all benches of one process share: the division of the processors, and the program.
pub struct Setup {
    layout: Layout,
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
        layout.take_generator_side()?;
        let program = std::env::current_exe()?;
        Ok(Setup { layout, program })
    }
}

/// Carries out `plan`, and saves what is measured in `directory` after each block.
///
/// Must be called on a thread that lives as long as the servers: they are killed when it ends.
/// Setting [`Watch::stop`] ends it early; the run that was under way is left out.
///
/// # Errors
/// The results cannot be written. What goes wrong with a contender is in the results.
pub fn run(
    setup: &Setup,
    plan: Plan,
    directory: &Path,
    watch: &Watch,
    observer: &mut dyn Observer,
) -> io::Result<Results> {
    let mut results = Results {
        schema: SCHEMA,
        interrupted: true,
        environment: Environment::look(setup.layout.clone()),
        summary: Vec::new(),
        runs: Vec::new(),
        plan,
    };
    let plan = results.plan.clone();
    let bench = Bench {
        program: &setup.program,
        plan: &plan,
        layout: &setup.layout,
        watch,
    };
    let meter = CpuMeter::read();
    for (index, order) in plan.orders().into_iter().enumerate() {
        bench.block(index + 1, &order, &mut results.runs, observer);
        results.interrupted = results.runs.len() < plan.runs();
        results.environment.steal_share = meter.elapsed().steal_share();
        results.summary = summary::summarise(&plan, &results.runs);
        results.write(directory)?;
        if bench.stopped() {
            break;
        }
        observer.block_ends(index + 1);
    }
    Ok(results)
}

impl Bench<'_> {
    fn block(
        &self,
        block: usize,
        order: &[usize],
        runs: &mut Vec<Run>,
        observer: &mut dyn Observer,
    ) {
        for who in order
            .iter()
            .filter_map(|&index| self.plan.contenders.get(index))
        {
            for &scenario in &self.plan.scenarios {
                if self.stopped() {
                    return;
                }
                observer.run_begins(runs.len(), block, who, scenario);
                let (measurement, failure) = self.run(who, scenario);
                // A window that was cut short is no sample like the others.
                if !self.stopped() {
                    let contender = who.name.clone();
                    runs.push(Run {
                        block,
                        contender,
                        scenario,
                        failure,
                        measurement,
                    });
                }
            }
        }
    }
}
