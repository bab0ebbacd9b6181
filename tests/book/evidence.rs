//! The recorded runs that the book speaks of, and whether a relation holds in them.
//!
//! Contenders are compared within blocks, as the bench does. `a < b` holds where the bench's own
//! verdict says so. The bench gives one for the figure by which a workload is compared, and only if
//! there are enough blocks. Elsewhere `a < b` holds if it was so in *every* block. `a ~ b` holds if
//! neither `a < b` nor `a > b` does. Factors and ratios are those of the block
//! in the middle.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use servers::bench::results::{FILE_NAME, Measurement, Results};
use servers::bench::stats::{Spread, Verdict};
use servers::bench::summary::{Ranking, summarise};
use servers::bench::unp;
use servers::bench::workload::Metric;

use super::relation::{Claim, Order, Relation, Term};

/// The environment variable that names another directory of recordings.
pub(crate) const REFERENCE: &str = "BOOK_REFERENCE";

type Figure = fn(&Measurement) -> Option<f64>;

/// What a figure of a window is called in a claim. Times are in µs, memory is in MiB.
const FIGURES: &[(&str, Figure)] = &[
    ("cpu", |it| it.server.cpu_us_per_request),
    ("rate", |it| Some(it.requests_per_s)),
    ("p50", |it| it.latency.p50_us),
    ("p99", |it| it.latency.p99_us),
    ("max", |it| it.latency.max_us),
    ("memory", |it| Some(it.server.peak_pss_kib as f64 / 1024.0)),
    ("processes", |it| Some(it.server.peak_processes as f64)),
    ("threads", |it| Some(it.server.peak_threads as f64)),
    ("starved", |it| Some(it.never_answered as f64)),
    ("errors", |it| Some(it.errors.total() as f64)),
    ("fairness", |it| it.workers.as_ref()?.fairness()),
    ("least", |it| Some(it.workers.as_ref()?.least() as f64)),
    ("most", |it| Some(it.workers.as_ref()?.most() as f64)),
    // Voluntary context switches per request, over the server's whole life.
    ("switches", |it| {
        let requests = it.request_counts?.by_workers as f64;
        Some(it.server.lifetime.voluntary_switches as f64 / requests)
    }),
];
/// The figure of `unp` that is a difference of two servers: process control per request.
const CONTROL: &str = "control";

/// The figures of a contender by block.
type Column = BTreeMap<usize, f64>;

/// One recording, read once.
pub(crate) struct Recording {
    pub(crate) file: PathBuf,
    workload: String,
    results: Rc<Results>,
    ranking: Option<Ranking>,
}

/// The files of recordings, each read once: they are large.
#[derive(Default)]
pub(crate) struct Files(BTreeMap<PathBuf, Rc<Results>>);

impl Files {
    fn get(&mut self, file: &Path) -> Result<Rc<Results>, String> {
        if let Some(results) = self.0.get(file) {
            return Ok(results.clone());
        }
        let results = Rc::new(read(file)?);
        self.0.insert(file.to_owned(), results.clone());
        Ok(results)
    }
}

impl Recording {
    /// The recording that a claim names. `read` holds the files that were read before.
    pub(crate) fn open(source: &str, read: &mut Files) -> Result<Recording, String> {
        let words: Vec<&str> = source.split_whitespace().collect();
        let (directory, workload) = match words.as_slice() {
            ["unp"] => ("unp".to_owned(), unp::WORKLOAD),
            ["peers", workload] => ("peers".to_owned(), *workload),
            ["connections", value] => {
                let directory = format!("connections/connections-{value}");
                (directory, unp::WORKLOAD)
            }
            [workload] => (String::new(), *workload),
            _ => {
                return Err(format!("'{source}' is no recording"));
            }
        };
        let file = reference().join(directory).join(FILE_NAME);
        let results = read.get(&file)?;
        Recording::of(file, results, workload)
    }

    fn of(file: PathBuf, results: Rc<Results>, workload: &str) -> Result<Recording, String> {
        let plan = &results.plan;
        let all = plan.workloads.iter().chain(&plan.looks);
        if !all.into_iter().any(|it| it.name == workload) {
            return Err(format!("{} has no {workload}", file.display()));
        }
        let rankings = summarise(&results).rankings.into_iter();
        let ranking = rankings.into_iter().find(|it| it.workload.name == workload);
        let workload = workload.to_owned();
        Ok(Recording {
            file,
            workload,
            results,
            ranking,
        })
    }

    /// What is wrong with a claim; nothing if it holds.
    pub(crate) fn broken(&self, claim: &Claim) -> Vec<String> {
        let relations = claim.relations.iter();
        let broken = relations.map(|it| self.broken_in(it, &claim.figure));
        broken
            .flat_map(|it| it.unwrap_or_else(|error| vec![error]))
            .collect()
    }

    fn broken_in(&self, relation: &Relation, figure: &str) -> Result<Vec<String>, String> {
        let mut left = self.spelt_out(&relation.first, relation)?;
        let mut broken = Vec::new();
        for (order, right) in &relation.others {
            let right = self.spelt_out(right, relation)?;
            for a in &left {
                for b in &right {
                    if !self.holds(a, *order, b, figure)? {
                        let (of, to) = (self.shown(a, figure)?, self.shown(b, figure)?);
                        broken.push(format!("not {a} {order} {b}: {of}; {to}"));
                    }
                }
            }
            left = right;
        }
        Ok(broken)
    }

    /// The terms with `rest` replaced by the contenders that it stands for.
    fn spelt_out(&self, terms: &[Term], relation: &Relation) -> Result<Vec<Term>, String> {
        let named = relation.names().into_iter();
        let named = named.map(|name| self.contender(name).map(|(_, name)| name));
        let named = named.collect::<Result<Vec<_>, _>>()?;
        let others = self.results.plan.contenders.iter();
        let others = others.filter(|it| !named.contains(&it.name.as_str()));
        let rest: Vec<Term> = others.map(|it| Term::Row(1.0, it.name.clone())).collect();
        let spelt = terms.iter().flat_map(|term| match term {
            Term::Rest => rest.clone(),
            other => vec![other.clone()],
        });
        Ok(spelt.collect())
    }

    fn holds(&self, a: &Term, order: Order, b: &Term, figure: &str) -> Result<bool, String> {
        if let (Term::Row(1.0, of), Term::Row(1.0, to)) = (a, b) {
            return Ok(self.order(of, to, figure)? == order);
        }
        let (a, b) = match (a, b) {
            // Within blocks, and as a difference: process control may be negative.
            (Term::Row(times, of), Term::Row(factor, to)) => {
                let (of, to) = (self.column(of, figure)?, self.column(to, figure)?);
                let beyond = Spread::of(both(&of, &to).map(|(a, b)| times * a - factor * b));
                (beyond.ok_or("no block has both")?.median, 0.0)
            }
            _ => (self.value(a, figure)?, self.value(b, figure)?),
        };
        match order {
            Order::Less => Ok(a < b),
            Order::More => Ok(a > b),
            Order::Tie => Err("a tie is one of two contenders".to_owned()),
        }
    }

    /// What the recording shows of two contenders.
    fn order(&self, of: &str, to: &str, figure: &str) -> Result<Order, String> {
        match self.verdict(of, to, figure)? {
            Some(Verdict::More) => return Ok(Order::More),
            Some(Verdict::Less) => return Ok(Order::Less),
            Some(Verdict::Same | Verdict::DifferentButSmall) => return Ok(Order::Tie),
            Some(Verdict::CannotTell) | None => {}
        }
        let (a, b) = (self.column(of, figure)?, self.column(to, figure)?);
        let pairs: Vec<(f64, f64)> = both(&a, &b).collect();
        Ok(match () {
            () if pairs.is_empty() => return Err(format!("no block has {of} and {to}")),
            () if pairs.iter().all(|(a, b)| a < b) => Order::Less,
            () if pairs.iter().all(|(a, b)| a > b) => Order::More,
            () => Order::Tie,
        })
    }

    /// The bench's own, where it compares by this figure.
    fn verdict(&self, of: &str, to: &str, figure: &str) -> Result<Option<Verdict>, String> {
        let ranking = self.ranking.as_ref().filter(|it| {
            let metric = match it.workload.metric {
                Metric::CpuPerRequest => "cpu",
                Metric::Throughput => "rate",
                Metric::Memory => "memory",
            };
            metric == figure
        });
        let (of, to) = (self.contender(of)?.0, self.contender(to)?.0);
        let pair = ranking.and_then(|it| it.pair(of, to));
        Ok(pair.map(|it| it.verdict))
    }

    fn value(&self, term: &Term, figure: &str) -> Result<f64, String> {
        match term {
            Term::Number(number) => Ok(*number),
            Term::Row(factor, name) => Ok(factor * self.spread(name, figure)?.median),
            Term::Ratio(of, to) => self.ratio(of, to, figure),
            Term::Rest => Err("a rest of which?".to_owned()),
        }
    }

    fn ratio(&self, of: &str, to: &str, figure: &str) -> Result<f64, String> {
        let (a, b) = (self.column(of, figure)?, self.column(to, figure)?);
        let ratios = Spread::of(both(&a, &b).map(|(a, b)| a / b));
        let ratios = ratios.ok_or_else(|| format!("no block has {of} and {to}"))?;
        Ok(ratios.median)
    }

    /// A term with its figures, for a person who has to mend a sentence.
    fn shown(&self, term: &Term, figure: &str) -> Result<String, String> {
        match term {
            Term::Row(_, name) => {
                let it = self.spread(name, figure)?;
                let (low, high) = (short(it.min), short(it.max));
                Ok(format!("{name} {} ({low}..{high})", short(it.median)))
            }
            Term::Number(_) | Term::Rest => Ok(term.to_string()),
            Term::Ratio(..) => Ok(format!("{term} is {}", short(self.value(term, figure)?))),
        }
    }

    fn spread(&self, name: &str, figure: &str) -> Result<Spread, String> {
        let column = self.column(name, figure)?;
        let spread = Spread::of(column.into_values());
        spread.ok_or_else(|| format!("{name} has no {figure} here"))
    }

    /// A contender's place and its name: as it stands, or without the dashes of its options, which
    /// a comment in Markdown does not bear (`prefork accept shared`), or its values alone.
    fn contender(&self, name: &str) -> Result<(usize, &str), String> {
        let contenders = || self.results.plan.contenders.iter().enumerate();
        let is_its = |words: &dyn Fn(&str) -> bool, own: &str| {
            let kept = own.split(' ').filter(|word| words(word));
            kept.collect::<Vec<_>>().join(" ") == name
        };
        let found = contenders()
            .find(|(_, it)| it.name == name)
            .or_else(|| {
                let values = |word: &str| !word.starts_with("--");
                contenders().find(|(_, it)| is_its(&values, &it.name))
            })
            .ok_or_else(|| format!("no contender '{name}' in {}", self.file.display()))?;
        Ok((found.0, found.1.name.as_str()))
    }

    fn column(&self, name: &str, figure: &str) -> Result<Column, String> {
        let (_, name) = self.contender(name)?;
        if figure == CONTROL {
            return Ok(self.control(name));
        }
        let known = FIGURES.iter().find(|(known, _)| *known == figure);
        let (_, get) = known.ok_or_else(|| format!("'{figure}' is no figure"))?;
        let windows = self.results.windows(name, &self.workload).into_iter();
        Ok(windows
            .filter_map(|(block, window)| Some((block, get(window)?)))
            .collect())
    }

    /// CPU time beyond that of the iterative server in the same block, per request.
    fn control(&self, name: &str) -> Column {
        let of = |name: &str| -> Column {
            let windows = self.results.windows(name, &self.workload).into_iter();
            let cost = |it: &Measurement| it.server.cpu_s * 1e6 / it.requests as f64;
            windows.map(|(block, it)| (block, cost(it))).collect()
        };
        let baseline = of("iterative");
        let beyond = of(name).into_iter();
        beyond
            .filter_map(|(block, cost)| Some((block, cost - baseline.get(&block)?)))
            .collect()
    }
}

/// The pairs of the blocks that both columns have.
fn both<'a>(a: &'a Column, b: &'a Column) -> impl Iterator<Item = (f64, f64)> + 'a {
    (a.iter()).filter_map(|(block, a)| Some((*a, *b.get(block)?)))
}

fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

fn reference() -> PathBuf {
    let committed = || Path::new(env!("CARGO_MANIFEST_DIR")).join("bench-results/reference");
    std::env::var_os(REFERENCE).map_or_else(committed, PathBuf::from)
}

fn read(file: &Path) -> Result<Results, String> {
    Results::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two contenders and the iterative server, in blocks of these costs in µs.
    fn recording(costs: [&[f64]; 3]) -> Recording {
        let names = ["iterative", "fork", "prefork --accept pass"];
        let runs = names.iter().zip(costs).flat_map(|(name, costs)| {
            let costs = costs.iter().enumerate();
            costs.map(|(index, cost)| run(name, index + 1, *cost))
        });
        let file = serde_json::json!({
            "schema": servers::bench::results::SCHEMA,
            "interrupted": false,
            "environment": environment(),
            "plan": plan(&names),
            "runs": runs.collect::<Vec<_>>(),
        });
        let results: Results = serde_json::from_value(file).unwrap();
        Recording::of("made up".into(), Rc::new(results), "close").unwrap()
    }

    fn environment() -> serde_json::Value {
        let layout = servers::bench::layout::Layout::of_this_machine().unwrap();
        let environment = servers::bench::environment::Environment::look(layout);
        serde_json::to_value(environment).unwrap()
    }

    fn plan(names: &[&str]) -> serde_json::Value {
        let contender = |name: &&str| serde_json::json!({ "name": name, "arguments": [] });
        let close = servers::bench::workload::Workload::named("close");
        serde_json::json!({
            "contenders": names.iter().map(contender).collect::<Vec<_>>(),
            "workloads": [close],
            "blocks": 3,
            "max_time_s": 1.0, "warm_up_s": 1.0, "window_s": 1.0,
            "seed": 1,
        })
    }

    fn run(name: &str, block: usize, cost: f64) -> serde_json::Value {
        let lifetime = servers::bench::accounting::Lifetime::default();
        serde_json::json!({
            "block": block, "contender": name, "workload": "close", "attempt": 1,
            "failure": null,
            "measurement": {
                "duration_s": 1.0, "requests": 1000, "attempted": 1000,
                "errors": servers::load::Errors::default(),
                "in_flight_at_stop": 0, "never_answered": 0, "connections_opened": 1,
                "bytes": 1, "requests_per_s": 1000.0,
                "latency": {
                    "mean_us": 1.0, "p50_us": null, "p90_us": null, "p99_us": null,
                    "p999_us": null, "max_us": 2.0, "buckets_ns": [],
                },
                "server": {
                    "cpu_s": cost / 1000.0, "cpu_us_per_request": cost, "peak_pss_kib": 2048,
                    "peak_processes": 1, "peak_threads": 1, "lifetime": lifetime,
                },
                "generator": { "threads": 1, "cpu_s": 0.1, "cpu_share": 0.1 },
                "littles_law_gap": 0.0, "steal_share": 0.0, "others_share": 0.0, "marks": [],
            },
        })
    }

    fn broken(recording: &Recording, claim: &str) -> usize {
        recording.broken(&Claim::parse(claim).unwrap()).len()
    }

    #[test]
    fn a_claim_holds_if_the_recording_shows_it() {
        // The second is dearer than the first in every block; the third is not.
        let it = recording([
            &[10.0, 12.0, 11.0],
            &[110.0, 100.0, 105.0],
            &[10.5, 11.0, 14.0],
        ]);
        for holds in [
            "close cpu: iterative < fork",
            "close cpu: fork > rest; fork > prefork pass",
            "close cpu: prefork pass ~ iterative",
            "close cpu: 5 iterative < fork < 20 iterative",
            "close cpu: 8 < fork / iterative < 12",
            "close cpu: 90 < fork < 120",
            "close control: iterative < fork; 80 < fork < 110",
            "close memory: fork ~ rest; 1.9 < fork < 2.1",
            "close starved: fork < 1",
        ] {
            assert_eq!(broken(&it, holds), 0, "{holds}");
        }
        for wrong in [
            "close cpu: fork < iterative",
            "close cpu: fork ~ iterative",
            "close cpu: iterative < prefork pass",
            "close cpu: 11 iterative < fork",
            "close cpu: fork / iterative < 8",
            "close cpu: fork < 100",
            "close colour: fork < 100",
            "close cpu: nginx < fork",
            "close p50: fork < 100",
        ] {
            assert_eq!(broken(&it, wrong), 1, "{wrong}");
        }
        assert_eq!(broken(&it, "close cpu: fork < rest"), 2);
    }
}
