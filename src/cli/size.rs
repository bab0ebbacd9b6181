//! `servers size`: how many workers, cores and machines a load needs.

mod check;
mod ingredients;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;

use super::load::{parse_expectation, some_rate, write};
use super::{duration, wrong_call};
use crate::load::{Expectation, Quantity, Side};
use crate::models::{HowMany, Model};
use crate::report::size::{self as report, Advice, Need, Pool};
use crate::size::{Objective, Rule, Service, WORKERS_MAX, recommend};
use ingredients::{Candidate, Ingredients};

/// Tell how large a service must be, from measurements.
///
/// Takes results of servers bench (processor time per request, memory of a worker) and of servers
/// load at a low rate (how long a request keeps its worker), and a rate with an objective. Prints
/// workers, cores, memory and machines for each model, and what the answer assumes. --check runs
/// the pools on this machine at a scaled rate, and shows the prediction beside the measurement.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A results.json of servers bench, and results of servers load --json at a low rate
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Requests per second that the service is to bear, such as 500 or 50k
    #[arg(long, value_name = "R", value_parser = some_rate)]
    rate: f64,
    /// What should hold: p99<50ms, or another percentile
    #[arg(long, value_name = "BOUND", value_parser = parse_expectation)]
    expect: Expectation,
    /// Models to size, separated by commas [default: those of the bench, or all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    model: Vec<String>,
    /// Workload of the bench [default: its first]
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
    /// Processor time of a request [default: that of the bench]
    #[arg(long, value_name = "TIME", value_parser = duration::parse_some)]
    cpu: Option<Duration>,
    /// Processors of one machine [default: those of this one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    machine_cores: Option<u32>,
    /// Memory of one machine in MiB [default: that of this one]
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    machine_memory: Option<u64>,
    /// Decides the simulated arrivals; the same seed gives the same answer
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the knee of each model as an SVG file: the p99 over the utilisation
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Show the p99 of pools with so many workers each as their load grows, such as 4,40,400; --svg
    /// draws them instead of the models
    #[arg(long, value_name = "N,N", value_delimiter = ',')]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=WORKERS_MAX as i64))]
    pools: Vec<u32>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,

    /// Run each pool here at a scaled rate, and compare
    #[arg(long, help_heading = "Check")]
    check: bool,
    /// What to ask the pools for [default: the path of the load result]
    #[arg(long, value_name = "PATH", requires = "check", help_heading = "Check")]
    path: Option<String>,
    /// How long to measure each
    #[arg(
        short,
        long,
        value_name = "TIME",
        default_value = "10s",
        help_heading = "Check"
    )]
    #[arg(value_parser = duration::parse_some, requires = "check")]
    duration: Duration,
    /// The share of the workers to keep busy, such as 0.8 [default: as in the recommended pool]
    #[arg(long, value_name = "SHARE", requires = "check", help_heading = "Check")]
    #[arg(value_parser = parse_utilisation)]
    utilisation: Option<f64>,
}

/// Parses a utilisation. At 1 a queue of random arrivals grows without end, so no figure of it is
/// steady.
fn parse_utilisation(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok();
    share
        .filter(|it| (0.01..=0.99).contains(it))
        .ok_or_else(|| "give a share from 0.01 to 0.99: at 1 a queue grows without end".to_owned())
}

const EXAMPLES: &str = "\
Examples:
  servers load http://127.0.0.1:8080/query --rate 20 -d 30s --json > low.json
  servers size bench-results/TIME/results.json low.json --rate 50k --expect 'p99<50ms'
  servers size low.json --cpu 300us --rate 500 --expect 'p99<50ms' --model prefork --check";

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let objective = self.objective();
        let found = Ingredients::read(&self.files, self.workload.as_deref())?;
        let contenders = found.contenders(&self.model, self.cpu)?;
        let mut seen = Vec::new();
        let needs = contenders.iter().map(|it| {
            // Models with one rule and one cost are one station.
            let key = (rule(it.model), fixed(it.model), it.cpu_s);
            let same = seen.iter().find(|(other, _)| *other == key);
            let size = same.map(|(_, size)| *size).unwrap_or_else(|| {
                let service = found.service(it.cpu_s);
                recommend(key.0, key.1, &service, self.rate, objective, self.seed)
            });
            seen.push((key, size));
            Need {
                name: it.name.clone(),
                rule: key.0,
                cpu_s: it.cpu_s,
                worker_kib: it.worker_kib,
                size,
            }
        });
        let needs = needs.collect();
        let mut advice = Advice {
            rate_per_s: self.rate,
            objective,
            expectation: self.expect.to_string(),
            service_s: found.mean_s(contenders.first().map_or(0.0, |it| it.cpu_s)),
            source: found.source(),
            machine: self.machine(),
            needs,
            checks: Vec::new(),
            pools: self.pools(&found, &contenders),
        };
        if self.check {
            let path = self.path.clone().or_else(|| found.path());
            advice.checks = check::run(&check::Order {
                needs: &advice.needs,
                models: contenders.iter().map(|it| it.model).collect(),
                services: contenders
                    .iter()
                    .map(|it| found.service(it.cpu_s))
                    .collect(),
                rate: self.rate,
                path: path.unwrap_or_else(|| "/".to_owned()),
                duration: self.duration,
                utilisation: self.utilisation,
                seed: self.seed,
            })?;
        }
        if let Some(file) = &self.svg {
            let services = contenders.iter().map(|it| found.service(it.cpu_s));
            let services: Vec<Service> = services.collect();
            write(
                file,
                report::knees(&advice, &services, self.seed).as_bytes(),
            )?;
        }
        let text = match self.json {
            true => serde_json::to_string_pretty(&report::json(&advice))? + "\n",
            false => report::text(&advice),
        };
        super::print(text.as_bytes())?;
        Ok(match advice.needs.iter().all(|it| it.size.is_ok()) {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    /// The pools of `--pools`, for requests as the first model answers them.
    fn pools(&self, found: &Ingredients, contenders: &[Candidate]) -> Vec<Pool> {
        let Some(first) = contenders.first() else {
            return Vec::new();
        };
        let service = found.service(first.cpu_s);
        let pools = self.pools.iter();
        let pools = pools.map(|&it| Pool::simulated(it as usize, &service, self.seed));
        pools.collect()
    }

    fn objective(&self) -> Objective {
        match (self.expect.quantity, self.expect.side) {
            (Quantity::Quantile(quantile), Side::Below) => Objective {
                quantile,
                below_s: self.expect.bound / 1e9,
            },
            _ => wrong_call(
                "size",
                ErrorKind::ValueValidation,
                "--expect should be a percentile below a bound, such as p99<50ms",
            ),
        }
    }

    fn machine(&self) -> (usize, u64) {
        let (cores, kib) = ingredients::this_machine();
        (
            self.machine_cores.map_or(cores, |cores| cores as usize),
            self.machine_memory.map_or(kib, |mib| mib * 1024),
        )
    }
}

/// Who waits for whom in a model.
fn rule(model: &Model) -> Rule {
    let has_one_each = !model.workers_last();
    let has_tasks = model.holds_all_clients && model.threads == HowMany::Pool;
    match model.holds_all_clients {
        _ if has_one_each || has_tasks => Rule::NoQueue,
        true => Rule::QueueEach,
        false => Rule::OneQueue,
    }
}

/// The number of workers of a model that has no pool.
fn fixed(model: &Model) -> Option<usize> {
    let kinds = [model.processes, model.threads];
    (kinds == [HowMany::One, HowMany::One]).then_some(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models;

    #[test]
    fn every_model_has_the_rule_of_its_structure() {
        let of = |name: &str| {
            let model = models::ALL.iter().find(|it| it.name == name).unwrap();
            (rule(model), fixed(model))
        };
        for (name, expected) in [
            ("iterative", (Rule::OneQueue, Some(1))),
            ("fork", (Rule::NoQueue, None)),
            ("prefork", (Rule::OneQueue, None)),
            ("threaded", (Rule::NoQueue, None)),
            ("prethreaded", (Rule::OneQueue, None)),
            ("worker", (Rule::OneQueue, None)),
            ("poll", (Rule::QueueEach, Some(1))),
            ("epoll", (Rule::QueueEach, Some(1))),
            ("event", (Rule::QueueEach, None)),
            ("uring", (Rule::QueueEach, Some(1))),
            ("async", (Rule::NoQueue, None)),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
        assert_eq!(models::ALL.len(), 11);
    }
}
