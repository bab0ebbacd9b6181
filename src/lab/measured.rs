//! A lab that is data: the bench measures its contenders under its workloads, round after round.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::context::Context;
use super::definition::Definition;
use super::entrants::{contenders, row, rows, rows_with, size_of};
use super::entries::{Entrant, Load, Measure};
use super::figures::Figures;
use super::outcome::{LeftOut, Observed};
use super::problem::Problem;
use super::scratch::Scratch;
use super::window::FIGURES;
use crate::bench::contender::Contender;
use crate::bench::plan::Plan;
use crate::bench::results::{Measurement, Results};
use crate::bench::workload::Workload;
use crate::bench::{self, verify};

/// Starting and stopping a server and looking at what it leaves, for each window.
const OVERHEAD: Duration = Duration::from_millis(250);
/// Asking one server for all its times of day.
const VERIFICATION: Duration = Duration::from_millis(1500);
/// Why `--quick` leaves rows out.
const FULL_ONLY: &str = "measured without --quick";
/// What a command line writes for the size of the application.
const APPLICATION: &str = "{application_mib}";

/// About how long a lab takes.
pub fn takes(lab: &Definition, quick: bool) -> Duration {
    if lab.code.is_some() {
        let seconds = if quick {
            lab.quick_takes_s
        } else {
            lab.takes_s
        };
        return Duration::from_secs_f64(seconds);
    }
    let contenders = contenders(lab, quick).len() as u32;
    if lab.measure == Measure::WrongAnswers {
        return VERIFICATION * contenders;
    }
    let (rounds, window) = lab.bench.at(quick);
    let slot = window + lab.bench.warm_up(quick) + OVERHEAD;
    let here = std::thread::available_parallelism().map_or(1, usize::from);
    let has_turn = |it: &&usize| **it <= here && lab.bench.has_turn(**it, quick);
    let cores = lab.bench.cores.iter().filter(has_turn).count().max(1) as u32;
    slot * contenders * lab.workloads.len() as u32 * rounds as u32 * cores
}

/// Measures.
///
/// # Errors
/// A server failed, the user stopped it, or the file names what does not exist.
pub fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let scratch = Scratch::new()?;
    let mut observed = Observed::default();
    let mut entrants = contenders(lab, context.quick);
    if let Some(application) = &lab.application {
        let (mib, note) = size_of(application, context.quick);
        observed.notes.extend(note);
        for entrant in &mut entrants {
            let run = entrant.run.as_mut();
            run.into_iter()
                .for_each(|it| *it = it.replace(APPLICATION, &mib.to_string()));
        }
    }
    let is_measured = |it: &Entrant| entrants.iter().any(|other| other.name == it.name);
    let all = contenders(lab, false).into_iter();
    for entrant in all.filter(|it| !is_measured(it)) {
        let rows = rows(lab, &entrant.name);
        observed.left_out.push(LeftOut {
            rows,
            why: FULL_ONLY.to_owned(),
        });
    }
    let mut ready = Vec::new();
    for entrant in &entrants {
        match entrant.contender(&scratch)? {
            Ok(contender) => ready.push(contender),
            Err(why) => observed.left_out.push(LeftOut {
                rows: rows(lab, &entrant.name),
                why,
            }),
        }
    }
    match lab.measure {
        Measure::Windows => windows(lab, ready, context, (scratch.path(), &mut observed))?,
        Measure::WrongAnswers => answers(lab, &ready, context, &mut observed.figures)?,
    }
    Ok(observed)
}

/// The figures of all windows.
fn windows(
    lab: &Definition,
    contenders: Vec<Contender>,
    context: &Context<'_>,
    (scratch, observed): (&Path, &mut Observed),
) -> Result<(), Problem> {
    let (rounds, window) = lab.bench.at(context.quick);
    let workloads = lab.workloads.iter().map(Load::workload);
    let workloads: Vec<Workload> = workloads
        .collect::<Result<_, _>>()
        .map_err(Problem::Other)?;
    let plan = Plan {
        contenders,
        reference: 0,
        twin: false,
        options: Vec::new(),
        workloads,
        looks: Vec::new(),
        rates: Vec::new(),
        expect: Vec::new(),
        server_cores: None,
        generator_cores: None,
        blocks: rounds,
        until: None,
        max_time: Duration::ZERO,
        warm_up: lab.bench.warm_up(context.quick),
        window,
        requests: match context.quick {
            true => lab.bench.quick_requests.or(lab.bench.requests),
            false => lab.bench.requests,
        },
        seed: fastrand::u64(..u64::from(u32::MAX)),
    };
    if lab.bench.cores.is_empty() {
        let results = measured(&plan, context, scratch)?;
        enter(lab, &results, None, &mut observed.figures);
        return Ok(());
    }
    for &cores in &lab.bench.cores {
        let missing = match (lab.bench.has_turn(cores, context.quick), context.cpus()) {
            (false, _) => Some(FULL_ONLY.to_owned()),
            (true, here) if cores > here => Some(format!("this machine has {here} processors")),
            (true, _) => None,
        };
        if let Some(why) = missing {
            let rows = rows_with(lab, &plan, cores);
            observed.left_out.push(LeftOut { rows, why });
            continue;
        }
        let plan = Plan {
            server_cores: Some(cores),
            ..plan.clone()
        };
        let results = measured(&plan, context, scratch)?;
        enter(lab, &results, Some(cores), &mut observed.figures);
    }
    Ok(())
}

fn measured(plan: &Plan, context: &Context<'_>, scratch: &Path) -> Result<Results, Problem> {
    let mut steps = Steps {
        context,
        plan,
        all: plan.runs(),
    };
    let bench::Outcome { results, unsaved } = bench::run(
        context.setup,
        plan.clone(),
        Vec::new(),
        scratch,
        context.watch,
        &mut steps,
    );
    context.check()?;
    if let Some(error) = unsaved {
        return Err(Problem::io("cannot save the results")(error));
    }
    for run in &results.runs {
        if let (None, Some(failure)) = (run.usable(), &run.failure) {
            return Err(Problem::of(&run.contender)(failure.clone()));
        }
    }
    Ok(results)
}

/// Tells the reader which window is measured.
struct Steps<'a> {
    context: &'a Context<'a>,
    plan: &'a Plan,
    all: usize,
}

impl bench::Observer for Steps<'_> {
    fn run_begins(&mut self, number: usize, block: usize, who: &Contender, workload: &Workload) {
        let rounds = self.plan.blocks;
        let cores = match self.plan.server_cores {
            Some(1) => ", 1 processor".to_owned(),
            Some(cores) => format!(", {cores} processors"),
            None => String::new(),
        };
        let what = match self.plan.workloads.len() {
            1 => format!("round {block} of {rounds}: {}{cores}", who.name),
            _ => format!(
                "round {block} of {rounds}: {}, {}{cores}",
                who.name, workload.name
            ),
        };
        // Disturbed windows are measured again, on top of the plan.
        self.all = self.all.max(number + 1);
        self.context.step_of(&what, number, self.all);
    }

    fn block_ends(&mut self, _: usize) {}
}

/// The figures that the lab names, round by round.
fn enter(lab: &Definition, results: &Results, cores: Option<usize>, figures: &mut Figures) {
    for contender in &results.plan.contenders {
        for workload in &lab.workloads {
            let row = row(lab, &contender.name, workload, cores);
            let windows: BTreeMap<usize, &Measurement> = results
                .windows(&contender.name, &workload.name)
                .into_iter()
                .collect();
            for name in &lab.figures {
                let Some(kind) = FIGURES.iter().find(|it| it.name == *name) else {
                    continue;
                };
                for round in 1..=results.plan.blocks {
                    let value = windows.get(&round).and_then(|window| (kind.of)(window));
                    figures.add(&row, name, kind.unit, value);
                }
            }
        }
    }
}

/// How many answers of each server were another client's.
fn answers(
    lab: &Definition,
    contenders: &[Contender],
    context: &Context<'_>,
    figures: &mut Figures,
) -> Result<(), Problem> {
    let connections = lab.workloads.first().and_then(|it| it.connections);
    let connections = connections.unwrap_or(bench::workload::CONNECTIONS_DEFAULT);
    for (index, who) in contenders.iter().enumerate() {
        context.step_of(&who.name, index, contenders.len());
        let asked = verify::time(std::slice::from_ref(who), connections, context.watch);
        let asked = asked.map_err(Problem::io("cannot ask for the time"))?;
        context.check()?;
        for verdict in asked {
            if let Some(failure) = verdict.failure {
                return Err(Problem::of(&who.name)(failure));
            }
            figures.count(&who.name, "answers", verdict.answers);
            figures.count(&who.name, "wrong", verdict.wrong);
            figures.count(&who.name, "errors", verdict.errors);
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "measured_tests.rs"]
mod tests;
