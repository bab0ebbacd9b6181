//! `servers bench --sweep`: the same bench again and again with one number varied.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;

use super::{Args, is_styled, save_tables, verdict};
use crate::bench::limits::{Limits, allow_descriptors};
use crate::bench::plan::Plan;
use crate::bench::sweep::{FILE_NAME, Sweep, SweepResults};
use crate::bench::{self, Setup, json};
use crate::cli::load::stop_on_signals;
use crate::load::Watch;
use crate::report::progress::Progress;
use crate::report::sweep_table;

impl Args {
    /// Looks at the machine's limits first: what is met unawares would look like a model that
    /// breaks down.
    pub(super) fn sweep(&self, sweep: &Sweep, plan: &Plan) -> anyhow::Result<ExitCode> {
        let connections = sweep.connections_max(plan) as u64;
        let limits = Limits::of_this_machine()
            .check(connections)
            .map_err(anyhow::Error::msg)?;
        allow_descriptors(connections).context("cannot raise the limit of descriptors")?;
        let directory = self.directory()?;
        let watch = Arc::new(Watch::default());
        stop_on_signals(&watch)?;
        let mut progress = Progress::of_sweep(sweep, plan, &limits, self.seed.is_none());
        let results = carry_out(sweep, plan, limits, &directory, &watch, &mut progress);
        progress.finish();
        let results = results?;
        let in_vain = || format!("cannot write in {}", directory.display());
        let text = sweep_table::text(&results, false);
        std::fs::write(directory.join("sweep.txt"), text).with_context(in_vain)?;
        let shown = match self.json {
            true => json::to_string(&results)?,
            false => {
                let table = sweep_table::text(&results, is_styled());
                format!("{table}Saved in {}\n", directory.display())
            }
        };
        crate::cli::print(shown.as_bytes())?;
        let mut rows = results.points.iter().flat_map(|point| &point.summary);
        let failed = rows.any(|row| !row.failures.is_empty());
        Ok(verdict(failed || results.interrupted))
    }
}

fn carry_out(
    sweep: &Sweep,
    plan: &Plan,
    limits: Vec<String>,
    directory: &Path,
    watch: &Watch,
    progress: &mut Progress,
) -> anyhow::Result<SweepResults> {
    let setup = Setup::prepare().context("cannot divide the processors")?;
    let mut limits = Some(limits);
    let mut swept: Option<SweepResults> = None;
    for (index, &value) in sweep.values.iter().enumerate() {
        progress.next_value(sweep, value, plan, index);
        let own = directory.join(format!("{}-{value}", sweep.parameter.name()));
        std::fs::create_dir_all(&own)
            .with_context(|| format!("cannot create {}", own.display()))?;
        let plan = sweep.plan_at(value, plan);
        let results =
            bench::run(&setup, plan, &own, watch, progress).context("the bench could not go on")?;
        save_tables(&results, &own)
            .with_context(|| format!("cannot write in {}", own.display()))?;
        let all = swept.get_or_insert_with(|| {
            SweepResults::new(sweep.clone(), limits.take().unwrap_or_default(), &results)
        });
        all.add(value, &results);
        all.write(directory)
            .with_context(|| format!("cannot write {FILE_NAME}"))?;
        if results.interrupted {
            break;
        }
    }
    swept.context("a sweep has at least one value")
}
