//! What all benches of one process share: the division of the processors, and the program.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::budget::warm_up_for;
use super::environment::Environment;
use super::layout::Layout;
use super::measure::Bench;
use super::plan::Plan;
use super::workload::{CONNECTIONS_DEFAULT, Workload};
use crate::load::Watch;

/// What all benches of one process share: the division of the processors, and the program.
pub struct Setup {
    pub(super) layout: Layout,
    pub(super) environment: Environment,
    pub(super) program: PathBuf,
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

    /// The division that a plan wants. The generator, which is this thread, moves to its side.
    pub(super) fn layout_of(&self, plan: &Plan) -> Layout {
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
