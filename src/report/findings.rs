//! What a person should see in a bench, in sentences computed from its comparisons. Pure.

use super::matrix;
use super::rows::{self, figure, shown, times};
use super::trust::trust;
use super::units::grouped;
use super::words::{and, capitalised, percent};
use crate::bench::environment::Environment;
use crate::bench::plan::{Plan, counted};
use crate::bench::results::Results;
use crate::bench::stats::Verdict;
use crate::bench::stats::planning::blocks_min;
use crate::bench::summary::{Against, FailureCount, Ranking, Summary};

/// All lines below the tables: what there is to see, failures, signs, conditions.
pub fn below_the_table(results: &Results, summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(too_few_blocks(results, summary));
    for ranking in &summary.rankings {
        lines.extend(sentences(results, ranking));
    }
    lines.extend(summary.looks.first().map(|_| LOOKS.to_owned()));
    lines.extend(blocking(summary));
    lines.extend(errors(summary));
    lines.extend(failures(summary));
    if !lines.is_empty() {
        lines.push(String::new());
    }
    if summary.ladders.is_empty() {
        lines.push(key(results));
    }
    if summary.rankings.len() + summary.looks.len() > 1 {
        lines.push(matrix::key(summary));
    }
    lines.extend(conditions(results));
    lines.push(trust(results, summary));
    lines
}

const LOOKS: &str = "A look is one window of each contender: it shows which clients are served and \
    about how fast. It ranks nothing; --workloads all measures all of them in blocks.";

/// What Jain's index says, in a few words.
pub(super) const FAIRNESS: &str = "1 where all answered alike, 1/n where one of n answered all";

/// What the blocks of one workload have shown.
fn sentences(results: &Results, ranking: &Ranking) -> Vec<String> {
    let contenders = results.plan.contenders.len();
    if contenders < 2 || blocks_of(ranking) < blocks_min(contenders) {
        return Vec::new();
    }
    let mut lines = vec![against_reference(results, ranking)];
    lines.extend(best(ranking));
    lines
}

fn blocks_of(ranking: &Ranking) -> usize {
    let blocks = ranking.rows.iter().map(|row| row.blocks_measured);
    blocks.max().unwrap_or(0)
}

/// Why there is no claim, where there is none.
fn too_few_blocks(results: &Results, summary: &Summary) -> Option<String> {
    let contenders = results.plan.contenders.len();
    let needed = blocks_min(contenders);
    let blocks = summary.rankings.iter().map(blocks_of).max()?;
    (contenders > 1 && blocks < needed).then(|| {
        format!(
            "Nothing is claimed: with {}, it takes at least {} to tell a difference from chance.",
            counted(contenders, "contender"),
            counted(needed, "block")
        )
    })
}

/// Every contender in terms of the reference, by verdict.
fn against_reference(results: &Results, ranking: &Ranking) -> String {
    let reference = &results.plan.contenders[results.plan.reference].name;
    let (worse, better) = match ranking.workload.metric.lower_is_better() {
        true => ("more", "less"),
        false => ("fewer", "more"),
    };
    let is_sound = |it: &&Against| {
        let row = ranking
            .rows
            .iter()
            .find(|row| row.contender == it.contender);
        row.is_some_and(|row| row.failures.is_empty())
    };
    let list = |wanted: &dyn Fn(&Against) -> bool, with_ratio: bool| -> String {
        let sound = ranking.against_reference.iter().filter(is_sound);
        let mut chosen: Vec<&Against> = sound.filter(|it| wanted(it)).collect();
        chosen.sort_by(|a, b| a.comparison.ratio.total_cmp(&b.comparison.ratio));
        let words = chosen.into_iter().map(|it| match with_ratio {
            true => format!("{} {}", it.contender, times(it.comparison.ratio)),
            false => it.contender.clone(),
        });
        and(&words.collect::<Vec<_>>())
    };
    let is_better = |it: &Against| ranking.is_better(it.comparison.verdict);
    let has = |verdict| move |it: &Against| it.comparison.verdict == verdict;
    let margin = percent(ranking.margin);
    let parts = [
        (
            better.to_owned(),
            list(&|it| is_better(it) == Some(true), true),
        ),
        (
            worse.to_owned(),
            list(&|it| is_better(it) == Some(false), true),
        ),
        (
            format!("different, but not shown to be by more than {margin}"),
            list(&has(Verdict::DifferentButSmall), true),
        ),
        (
            format!("the same within {margin}"),
            list(&has(Verdict::Same), false),
        ),
        (
            "cannot tell".to_owned(),
            list(&has(Verdict::CannotTell), true),
        ),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(verdict, names)| format!("{verdict}: {names}"))
        .collect();
    if parts.is_empty() {
        return format!(
            "{}: nothing to compare with {reference}: it takes a block in which it and another one \
             answered.",
            ranking.workload.name
        );
    }
    format!(
        "{}, {} against {reference}: {}.",
        ranking.workload.name,
        ranking.workload.metric,
        parts.join("; ")
    )
}

/// The best, by name and figure.
fn best(ranking: &Ranking) -> Option<String> {
    let metric = ranking.workload.metric;
    let first = rows::sorted(ranking)
        .into_iter()
        .find(|(_, row)| ranking.best.contains(&row.contender))?;
    let about = shown(figure(first.1, metric)?.median, metric);
    let what = match metric.lower_is_better() {
        true => "least",
        false => "most",
    };
    Some(match ranking.best.as_slice() {
        [one] => format!("{}: {one} has the {what}, {about}.", ranking.workload.name),
        several => format!(
            "{}: the {what}, about {about}, have {}; no difference between these is shown.",
            ranking.workload.name,
            and(several)
        ),
    })
}

/// Why models with one flow of control answer one request at a time where a handler waits.
fn blocking(summary: &Summary) -> Option<String> {
    let waits = |path: &str| path.starts_with("/sleep") || path.starts_with("/cpu");
    let looks = summary.looks.iter().map(|it| &it.workload);
    let mut all = summary.rankings.iter().map(|it| &it.workload).chain(looks);
    let workload = all.find(|it| waits(&it.path))?;
    Some(format!(
        "{} holds the process or thread that runs its handler. A server with one of them, or an \
         event loop, answers one such request at a time in each.",
        workload.path
    ))
}

/// The errors of each row by kind.
fn errors(summary: &Summary) -> impl Iterator<Item = String> {
    rows::all(summary).filter_map(|(workload, row)| {
        let kinds = row.errors_by_kind.iter().filter(|(_, count)| *count > 0);
        let kinds: Vec<String> = kinds
            .map(|(name, count)| format!("{} {}", grouped(count as f64), name.replace('_', " ")))
            .collect();
        let name = &row.contender;
        (!kinds.is_empty()).then(|| {
            format!(
                "Failed requests of {name}, {workload}: {}.",
                kinds.join(", ")
            )
        })
    })
}

/// Each failure with its story.
pub(super) fn failures(summary: &Summary) -> impl Iterator<Item = String> {
    let rows = rows::all(summary).flat_map(|(workload, row)| {
        let failures = row.failures.iter();
        failures.map(move |it| failure(&row.contender, workload, it))
    });
    let steps = summary.ladders.iter().flat_map(|ladder| {
        let climbs = ladder.climbs.iter();
        climbs.flat_map(move |climb| {
            let steps = climb.steps.iter();
            steps.flat_map(move |step| {
                let workload = ladder.workload.at_rate(step.rate_per_s).name;
                let failures = step.failures.iter();
                failures.map(move |it| failure(&climb.contender, &workload, it))
            })
        })
    });
    rows.chain(steps)
}

fn failure(contender: &str, workload: &str, failure: &FailureCount) -> String {
    let runs = counted(failure.blocks, "run");
    format!("FAILED {contender}, {workload}: {} ({runs})", failure.story)
}

fn key(results: &Results) -> String {
    let mut key = String::from(
        "CPU/request: the server's user + system time for each answered request, children \
         included; the median over the blocks. Percentiles are of the requests of all blocks; –: \
         fewer than 10 requests beyond. others, steal: the most of the CPU time that other \
         processes or the hypervisor took in a window.",
    );
    if results.plan.contenders.len() > 1 {
        key.push(' ');
        key.push_str(rows::SIGNS);
    }
    key
}

/// Where the figures come from, and what is missing.
pub(super) fn conditions(results: &Results) -> Vec<String> {
    let plan = &results.plan;
    let mut lines = machine(plan, &results.environment);
    if results.interrupted {
        let (done, all) = (results.runs.len(), plan.runs());
        lines.push(format!("INTERRUPTED after {done} of {all} windows."));
    }
    lines
}

/// Where the figures come from.
pub(super) fn machine(plan: &Plan, environment: &Environment) -> Vec<String> {
    let window = match plan.requests {
        Some(requests) => format!("windows of {} requests", grouped(requests as f64)),
        None => format!(
            "{} s windows",
            (plan.window.as_secs_f64() * 1000.0).round() / 1000.0
        ),
    };
    let mut lines = vec![format!(
        "{}; {} of {window}, seed {}; {}, {}.",
        capitalised(&environment.layout.to_string()),
        counted(plan.blocks, "block"),
        plan.seed,
        environment.cpu_model,
        environment
            .kernel
            .split(' ')
            .take(2)
            .collect::<Vec<_>>()
            .join(" "),
    )];
    if environment.build == "debug" {
        lines.push("This is an unoptimised debug build: its figures say little.".to_owned());
    }
    if !plan.options.is_empty() {
        lines.push(format!("Every server with {}.", plan.options.join(" ")));
    }
    lines
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
