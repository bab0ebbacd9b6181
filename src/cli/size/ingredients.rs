//! What is known of a request and of a worker, from the results of measurements.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use super::Service;
use crate::bench::results::Results;
use crate::bench::summary::{Row, summarise};
use crate::load::Part;
use crate::models::{self, Model};
use crate::report::load::read;
use crate::sys::usage::meminfo_kib;

/// What the files tell.
#[derive(Default)]
pub(super) struct Ingredients {
    /// The rows of one workload of a bench, with the command line of each contender.
    rows: Vec<(Row, Vec<String>)>,
    /// Results of the load generator, whose service times are taken together.
    loads: Vec<Part>,
}

/// A model to size.
pub(super) struct Candidate {
    pub(super) name: String,
    pub(super) model: &'static Model,
    pub(super) cpu_s: f64,
    pub(super) worker_kib: Option<f64>,
}

impl Ingredients {
    /// Reads the files, each of a bench or of a load.
    ///
    /// # Errors
    /// A file that cannot be read or is neither, and a workload that the bench does not have.
    pub(super) fn read(files: &[PathBuf], workload: Option<&str>) -> anyhow::Result<Self> {
        let mut found = Self::default();
        for file in files {
            let name = file.display().to_string();
            let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
            let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            match value.get("runs") {
                Some(_) => found.rows = bench(file, workload)?,
                None => {
                    let part = read(&name, &text);
                    let part = part.map_err(|why| anyhow::anyhow!("{name} {why}"))?;
                    if part.outcome.service.is_empty() {
                        bail!("{name} has no answered request, so no service time");
                    }
                    found.loads.push(part);
                }
            }
        }
        Ok(found)
    }

    /// The models to size: those named, or those of the bench, or all.
    ///
    /// # Errors
    /// A name that is none, and a processor time that nothing tells.
    pub(super) fn contenders(
        &self,
        names: &[String],
        cpu: Option<Duration>,
    ) -> anyhow::Result<Vec<Candidate>> {
        let of_bench = self.rows.iter().filter_map(|(row, arguments)| {
            let model = models::find(arguments.first()?)?;
            let is_asked = names.is_empty()
                || names
                    .iter()
                    .any(|name| *name == row.contender || name == model.name);
            let cpu_s = row.cpu_us_per_request.map(|it| it.median / 1e6);
            is_asked.then_some(Candidate {
                name: row.contender.clone(),
                model,
                cpu_s: cpu.map(|cpu| cpu.as_secs_f64()).or(cpu_s)?,
                worker_kib: worker_kib(row, model),
            })
        });
        let mut candidates: Vec<Candidate> = of_bench.collect();
        let others = names.iter().filter(|name| {
            let mut known = candidates.iter();
            !known.any(|it| it.name == **name || it.model.name == **name)
        });
        let mut others: Vec<&str> = others.map(String::as_str).collect();
        if names.is_empty() && candidates.is_empty() {
            others = models::ALL.iter().map(|it| it.name).collect();
        }
        for name in others {
            let Some(model) = models::find(name) else {
                bail!("there is no model '{name}'; see servers list");
            };
            let Some(cpu) = cpu else {
                bail!(
                    "nothing tells how long {name} computes for a request: give a results.json of \
                     servers bench that has it, or --cpu"
                );
            };
            candidates.push(Candidate {
                name: name.to_owned(),
                model,
                cpu_s: cpu.as_secs_f64(),
                worker_kib: None,
            });
        }
        Ok(candidates)
    }

    /// What a request takes in a model that computes for so long.
    pub(super) fn service(&self, cpu_s: f64) -> Service {
        let times = self.loads.iter().flat_map(|part| {
            let recorded = part.outcome.service.iter_recorded();
            recorded.map(|it| (it.value_iterated_to() as f64 / 1e9, it.count_at_value()))
        });
        Service::measured(cpu_s, times)
    }

    pub(super) fn mean_s(&self, cpu_s: f64) -> f64 {
        self.service(cpu_s).mean_s()
    }

    /// Where the service times come from, in words.
    pub(super) fn source(&self) -> String {
        match self.loads.as_slice() {
            [] => "no load result is given, so it only computes".to_owned(),
            loads => {
                let names: Vec<&str> = loads.iter().map(|it| it.name.as_str()).collect();
                format!("measured in {}", names.join(", "))
            }
        }
    }

    /// The path that was measured.
    pub(super) fn path(&self) -> Option<String> {
        let first = self.loads.first()?;
        Some(first.plan.target.path.clone())
    }
}

/// The rows of the workload, with their command lines.
fn bench(
    file: &std::path::Path,
    workload: Option<&str>,
) -> anyhow::Result<Vec<(Row, Vec<String>)>> {
    let results = Results::read(file);
    let results = results.with_context(|| format!("cannot read {}", file.display()))?;
    let summary = summarise(&results);
    let rankings = summary.rankings.into_iter();
    let mut tables = rankings
        .map(|it| (it.workload, it.rows))
        .chain(summary.looks.into_iter().map(|it| (it.workload, it.rows)));
    let found = match workload {
        Some(name) => tables.find(|(it, _)| it.name == name),
        None => tables.next(),
    };
    let Some((_, rows)) = found else {
        bail!("{} has no such workload", file.display());
    };
    let arguments = |row: &Row| {
        let mut contenders = results.plan.contenders.iter();
        let contender = contenders.find(|it| it.name == row.contender);
        contender.map_or(Vec::new(), |it| it.arguments.clone())
    };
    let with_arguments = |row: Row| {
        let words = arguments(&row);
        (row, words)
    };
    Ok(rows.into_iter().map(with_arguments).collect())
}

/// The memory of all processes, divided by the workers: processes, or threads where they are these.
fn worker_kib(row: &Row, model: &Model) -> Option<f64> {
    let all = row.peak_pss_kib?.median;
    let workers = match model.has_children() {
        true if model.threads == models::HowMany::One => row.processes?.median - 1.0,
        _ => row.threads?.median,
    };
    Some(all / workers.max(1.0))
}

/// Processors and memory in KiB of this machine.
pub(super) fn this_machine() -> (usize, u64) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    (cores, meminfo_kib("MemTotal").unwrap_or(0))
}
