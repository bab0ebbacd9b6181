//! `servers bench --sweep`: the same bench again and again with one number varied.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use super::Args;
use super::flow::Session;
use super::report;
use crate::bench::json;
use crate::bench::plan::Plan;
use crate::bench::sweep::{FILE_NAME, Sweep, SweepResults};
use crate::report::bench_table::View;
use crate::report::progress::Progress;
use crate::report::sweep_table;

impl Args {
    /// A bench for each value.
    pub(super) fn run_sweep(&self, sweep: Sweep, mut plan: Plan) -> anyhow::Result<ExitCode> {
        let connections = sweep.connections_max(&plan);
        let directory = self.directory()?;
        let (session, said) = Session::begin(self, &mut plan, connections)?;
        let mut progress = Progress::of_sweep(&sweep, &plan, &said, self.seed.is_none());
        let (results, saved) = carry_out(&session, sweep, &plan, said, &directory, &mut progress);
        progress.finish();
        let shown = match self.json {
            true => json::to_string(&results.file())?,
            false => {
                let table = sweep_table::text(&results, self.view());
                let place = saved
                    .is_ok()
                    .then(|| format!("Saved in {}\n", directory.display()));
                table + &place.unwrap_or_default()
            }
        };
        crate::cli::print(shown.as_bytes())?;
        saved?;
        let mut runs = results.points.iter().flat_map(|point| &point.results.runs);
        let failed = runs.any(|run| run.failure.is_some());
        Ok(match failed || results.interrupted {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        })
    }
}

/// The results are there whatever happened; the second value says whether they are saved.
fn carry_out(
    session: &Session,
    sweep: Sweep,
    plan: &Plan,
    limits: Vec<String>,
    directory: &Path,
    progress: &mut Progress,
) -> (SweepResults, anyhow::Result<()>) {
    let values = sweep.values.clone();
    let mut swept = SweepResults::new(sweep, limits);
    for (index, value) in values.into_iter().enumerate() {
        progress.next_value(&swept.sweep, value, plan, index);
        let own = directory.join(swept.sweep.directory(value));
        if let Err(error) = std::fs::create_dir_all(&own) {
            let error = anyhow::Error::new(error);
            return (
                swept,
                Err(error.context(format!("cannot create {}", own.display()))),
            );
        }
        let plan = swept.sweep.plan_at(value, plan);
        let (results, saved) = session.measure(plan, &own, progress);
        let interrupted = results.interrupted;
        swept.add(value, results);
        let saved = saved.and_then(|()| save(&swept, directory));
        if interrupted || saved.is_err() {
            return (swept, saved);
        }
    }
    (swept, Ok(()))
}

fn save(swept: &SweepResults, directory: &Path) -> anyhow::Result<()> {
    let in_vain = || format!("cannot write {FILE_NAME} in {}", directory.display());
    swept.write(directory).with_context(in_vain)?;
    let text = sweep_table::text(swept, View::PLAIN);
    std::fs::write(directory.join("sweep.txt"), text).with_context(in_vain)?;
    report::save_sweep(swept, directory).with_context(in_vain)
}
