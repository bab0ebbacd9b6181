//! From a lab's file to what the bench runs: contenders, workloads, and the names of the rows.

use super::definition::Definition;
use super::entries::{Application, Entrant, Load};
use super::problem::Problem;
use super::scratch::Scratch;
use crate::bench::contender::Contender;
use crate::bench::plan::Plan;
use crate::bench::workload::Workload;
use crate::sys::usage::meminfo_kib;

/// So much of the free memory may all copies of an application take.
const MEMORY_PART: u64 = 2;
const KIB_PER_MIB: u64 = 1024;

/// The contenders, each once for every value of the axes that it names.
pub(super) fn contenders(lab: &Definition, quick: bool) -> Vec<Entrant> {
    let mut all = lab.contenders.clone();
    for (axis, values) in &lab.axis {
        let of_quick = lab.quick_axis.get(axis).filter(|_| quick);
        let values = of_quick.unwrap_or(values);
        let place = format!("{{{axis}}}");
        let repeated = all.into_iter().flat_map(|entrant| {
            let values: Vec<String> = match entrant.name.contains(&place) {
                true => values.iter().map(ToString::to_string).collect(),
                false => vec![String::new()],
            };
            let place = place.clone();
            values.into_iter().map(move |value| Entrant {
                name: entrant.name.replace(&place, &value),
                run: entrant.run.as_ref().map(|run| run.replace(&place, &value)),
                ..entrant.clone()
            })
        });
        all = repeated.collect();
    }
    all
}

impl Entrant {
    /// As the bench knows it. The inner error says how to install a peer that is missing.
    pub(super) fn contender(
        &self,
        scratch: &Scratch,
    ) -> Result<Result<Contender, String>, Problem> {
        let Some(peer) = &self.peer else {
            let words = self.run.iter().flat_map(|run| run.split_whitespace());
            let mut contender = Contender::new(&words.collect::<Vec<_>>());
            self.name.clone_into(&mut contender.name);
            return Ok(Ok(contender));
        };
        let mut contender = match scratch.peer(peer)? {
            Err(missing) => return Ok(Err(missing)),
            Ok(contender) => contender,
        };
        self.name.clone_into(&mut contender.name);
        for (from, to) in &self.replace {
            let files = contender
                .foreign
                .iter_mut()
                .flat_map(|it| it.files.values_mut());
            let mut found = false;
            for text in files {
                found |= text.contains(from);
                *text = text.replace(from, to);
            }
            if !found {
                let why = format!("the recipe of {peer} has no '{from}' to replace");
                return Err(Problem::Other(why));
            }
        }
        Ok(Ok(contender))
    }
}

/// One name for each workload and number of processors.
pub(super) fn rows(lab: &Definition, contender: &str) -> Vec<String> {
    let cores: Vec<Option<usize>> = match lab.bench.cores.is_empty() {
        true => vec![None],
        false => lab.bench.cores.iter().copied().map(Some).collect(),
    };
    let workloads = lab.workloads.iter();
    let of_workload = |workload: &Load| {
        let row = |cores: &Option<usize>| row(lab, contender, workload, *cores);
        cores.iter().map(row).collect::<Vec<String>>()
    };
    match lab.workloads.is_empty() {
        true => vec![contender.to_owned()],
        false => workloads.flat_map(of_workload).collect(),
    }
}

/// `prefork`, `prefork[5ms]`, `prefork[5ms]@2`.
pub(super) fn row(
    lab: &Definition,
    contender: &str,
    workload: &Load,
    cores: Option<usize>,
) -> String {
    let workload = match lab.workloads.len() {
        1 => String::new(),
        _ => format!("[{}]", workload.name),
    };
    let cores = cores.map_or(String::new(), |cores| format!("@{cores}"));
    format!("{contender}{workload}{cores}")
}

impl Load {
    pub(super) fn workload(&self) -> Result<Workload, String> {
        let base = Workload::named(&self.base);
        let base = base.ok_or_else(|| format!("'{}' is no workload of the bench", self.base))?;
        Ok(Workload {
            name: self.name.clone(),
            path: self.path.clone().unwrap_or(base.path),
            connections: self.connections.unwrap_or(base.connections),
            keep_alive: self.keep_alive.unwrap_or(base.keep_alive),
            requests: self.requests.clone(),
            ..base
        })
    }
}

/// All rows with so many processors.
pub(super) fn rows_with(lab: &Definition, plan: &Plan, cores: usize) -> Vec<String> {
    let contenders = plan.contenders.iter();
    let of_all = contenders.flat_map(|it| {
        let workloads = lab.workloads.iter();
        workloads.map(|workload| row(lab, &it.name, workload, Some(cores)))
    });
    of_all.collect()
}

/// The size of an application that this machine has room for, with a sentence if it is smaller.
pub(super) fn size_of(application: &Application, quick: bool) -> (u64, Option<String>) {
    let wanted = if quick {
        application.quick_mib
    } else {
        application.mib
    };
    let Some(free) = meminfo_kib("MemAvailable").map(|kib| kib / KIB_PER_MIB) else {
        return (wanted, None);
    };
    let room = (free / MEMORY_PART / application.copies.max(1)).max(1);
    let note = (room < wanted).then(|| {
        let copies = application.copies;
        format!(
            "The application has {room} MiB instead of {wanted}: {copies} copies have to fit into \
             half of the {free} MiB that are free."
        )
    });
    (wanted.min(room), note)
}
