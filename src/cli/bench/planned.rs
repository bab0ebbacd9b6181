//! The plan that a call describes.

use std::path::Path;
use std::time::Duration;

use clap::error::ErrorKind;

use super::super::wrong_call;
use super::contenders::{Common, Entry, number_namesakes};
use super::rates::{self, Rates};
use super::{Args, Mode, refuse, say, workloads};
use crate::bench::budget::{
    Budget, SWEEP_BLOCKS, SWEEP_WINDOW, UNP_BLOCKS, blocks_default, warm_up_for,
};
use crate::bench::contender::Contender;
use crate::bench::peers;
use crate::bench::plan::Plan;
use crate::bench::stats::planning::blocks_min;
use crate::bench::sweep::{Parameter, Sweep};
use crate::bench::unp;
use crate::bench::workload::Workload;
use crate::models;

impl Args {
    /// `directory` is where peers are built.
    pub(super) fn planned(&self, directory: Option<&Path>) -> Plan {
        let common = self.common();
        let mut contenders = self.contenders(&common);
        if let Some(directory) = directory {
            let found = peers::find(directory);
            for missing in found.missing {
                say(&format!("not installed: {missing}"));
            }
            contenders.extend(found.contenders);
        }
        let count = contenders.len();
        let cores = self.swept_cores();
        let is_sweep = self.is_sweep();
        let blocks = match (is_sweep, self.unp) {
            (true, _) => SWEEP_BLOCKS[usize::from(self.quick)],
            (_, true) => UNP_BLOCKS,
            _ if self.quick || self.until.is_some() => blocks_min(count),
            _ => blocks_default(count),
        };
        let mut plan = Plan {
            options: common.listed(),
            reference: self.reference(&contenders),
            twin: !is_sweep && !self.unp,
            contenders,
            workloads: self.workloads(),
            looks: self.looks(),
            rates: self.rates.as_ref().map_or(Vec::new(), Rates::given),
            expect: Vec::new(),
            server_cores: None,
            generator_cores: cores.and_then(|it| self.generator_cores(it)),
            blocks: self.blocks.map_or(blocks, |blocks| blocks as usize),
            until: self.until,
            max_time: self.max_time,
            warm_up: Duration::ZERO,
            window: Duration::ZERO,
            requests: self.requests.or(self.unp.then_some(unp::REQUESTS)),
            seed: self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..))),
        };
        let budget = match self.quick {
            true => Budget::QUICK,
            false => Budget::FULL,
        };
        plan.expect = self.expectations(&plan);
        plan.window = self
            .duration
            .unwrap_or_else(|| match (&self.rates, is_sweep) {
                (Some(_), _) => rates::window(&plan.rates),
                (None, true) => SWEEP_WINDOW,
                (None, false) => budget.window(count, plan.runs(), plan.extra()),
            });
        plan.warm_up = self.warm_up.unwrap_or_else(|| warm_up_for(plan.window));
        plan
    }

    /// The sweep over the server's processors, under either of its names.
    fn swept_cores(&self) -> Option<&Sweep> {
        let sweep = self.cores.as_ref().or(self.sweep.as_ref());
        sweep.filter(|it| it.parameter == Parameter::Cores)
    }

    /// Whether there is a series of values, of which each has few blocks.
    fn is_sweep(&self) -> bool {
        self.sweep.is_some() || self.cores.is_some() || self.rates.is_some()
    }

    /// The place of the reference among the contenders.
    fn reference(&self, contenders: &[Contender]) -> usize {
        let Some(wanted) = &self.reference else {
            return 0;
        };
        let found = contenders.iter().position(|it| it.name == *wanted);
        found.unwrap_or_else(|| {
            let names: Vec<&str> = contenders.iter().map(|it| it.name.as_str()).collect();
            refuse(format!(
                "--reference '{wanted}' is none of the contenders ({})",
                names.join(", ")
            ))
        })
    }

    /// What is measured in blocks.
    fn workloads(&self) -> Vec<Workload> {
        let mode = match self.is_sweep() || self.unp {
            true => self.mode.unwrap_or(Mode::Close),
            false => self.mode.unwrap_or(Mode::Both),
        };
        let names: &[&str] = match mode {
            Mode::Close => &["close"],
            Mode::KeepAlive => &["hello"],
            Mode::Both => &["close", "hello"],
        };
        let files = workloads::of_files(&self.workload_files).unwrap_or_else(|why| refuse(why));
        let mut workloads = match self.workloads.is_empty() && files.is_empty() {
            true => names.iter().copied().filter_map(Workload::named).collect(),
            false => workloads::chosen(&self.workloads),
        };
        workloads.extend(files);
        let path = self.path.as_deref().or(self.unp.then_some(unp::PATH));
        let connections = self.connections.map(|given| given as usize);
        let connections = connections.or(self.unp.then_some(unp::CONNECTIONS));
        let connections = connections.or(self.rates.as_ref().map(|_| rates::CONNECTIONS_MAX));
        for workload in &mut workloads {
            workload.path = path.unwrap_or(&workload.path).to_owned();
            workload.connections = connections.unwrap_or(workload.connections);
        }
        workloads
    }

    /// What is looked at besides: all other workloads, unless the call asks for something
    /// special and not for looks.
    fn looks(&self) -> Vec<Workload> {
        let is_special = [
            self.is_sweep(),
            !self.workload_files.is_empty(),
            self.unp,
            self.quick,
            self.mode.is_some(),
            self.path.is_some(),
            self.requests.is_some(),
            self.duration.is_some(),
            self.blocks.is_some(),
            self.until.is_some(),
            !self.workloads.is_empty(),
        ];
        if is_special.contains(&true) && !self.looks {
            return Vec::new();
        }
        let measured = self.workloads();
        let is_new = |it: &Workload| measured.iter().all(|other| other.name != it.name);
        Workload::all().into_iter().filter(is_new).collect()
    }

    /// What every server gets beside its own options.
    pub(super) fn common(&self) -> Common {
        let pool = self.unp.then_some(unp::POOL);
        let mut options = Vec::new();
        for (name, value) in [("--workers", self.workers), ("--threads", self.threads)] {
            options.extend(value.or(pool).map(|value| (name, value.to_string())));
        }
        Common {
            options,
            accept: self.accept.map(|it| it.name),
            verbatim: self.run_arg.clone(),
        }
    }

    pub(super) fn contenders(&self, common: &Common) -> Vec<Contender> {
        if self.unp {
            return stevens(common);
        }
        let entries: Vec<Entry> = match self.all {
            true => models::ALL.iter().map(Entry::of).collect(),
            false => self.contenders.clone(),
        };
        if entries.is_empty() && self.with.is_empty() && !self.peers {
            let names: Vec<&str> = models::ALL.iter().map(|model| model.name).collect();
            let advice = format!(
                "name the models to compare ({}), or say --all",
                names.join(", ")
            );
            wrong_call("bench", ErrorKind::MissingRequiredArgument, advice);
        }
        let mut contenders: Vec<Contender> = entries
            .iter()
            .map(|entry| entry.with(common).unwrap_or_else(|why| refuse(why)))
            .collect();
        if let Some(strategy) = common
            .accept
            .filter(|it| !common.accept_is_used(&contenders, it))
        {
            refuse(format!("none of these models has --accept {strategy}"));
        }
        contenders.extend(self.with.iter().cloned());
        number_namesakes(&mut contenders);
        contenders
    }
}

/// Those of the nine that this program has; the others have their rows all the same. The first is
/// what the others are compared with.
fn stevens(common: &Common) -> Vec<Contender> {
    let contender =
        |server: &unp::StevensServer| Entry::read(&server.arguments.join(" "))?.with(common);
    let (baseline, others) = unp::SERVERS.split_at(1);
    let baseline = baseline
        .iter()
        .map(|server| contender(server).unwrap_or_else(|why| refuse(why)));
    let others = others.iter().filter_map(|server| contender(server).ok());
    baseline.chain(others).collect()
}
