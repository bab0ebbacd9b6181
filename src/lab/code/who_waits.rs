//! `who-waits`: which clients wait for which?
//!
//! A scene is a file: who connects when, and does what ([`trace::scenario`]). Its table says for
//! each model which holders the other clients have to wait for, by the model's rule. The scene is
//! played against every model with a trace, and the order of the events is held against the table.
//! No duration decides.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bench::contender::Contender;
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::outcome::{Lanes, LeftOut, Observed};
use crate::lab::problem::Problem;
use crate::models;
use crate::trace::scenario::{PlayError, Rule, Scenario, play, verdict};
use crate::trace::{self, Timeline};

/// The scenes, by the names of their files.
const SCENES: [(&str, &str); 2] = [
    (
        "slow-client",
        include_str!("../../../chapters/labs/scenes/slow-client.toml"),
    ),
    (
        "slow-handler",
        include_str!("../../../chapters/labs/scenes/slow-handler.toml"),
    ),
];

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let settle = Duration::from_millis(lab.number("settle-ms", context.quick)? as u64);
    let mut observed = Observed::default();
    for (scene, text) in SCENES {
        let scenario = Scenario::parse(text).map_err(|error| Problem::Other(error.to_string()))?;
        let wanted = scenario.models.iter().filter(|it| context.wants(&it.name));
        let rules: Vec<&Rule> = wanted.collect();
        for (done, rule) in rules.iter().enumerate() {
            let row = format!("{}[{scene}]", rule.name);
            context.step_of(&row, done, rules.len());
            if let Some(why) = missing(rule) {
                let rows = vec![row];
                observed.left_out.push(LeftOut { rows, why });
                continue;
            }
            let timeline = watch(&scenario, rule, settle, context)?;
            judge(&scenario, rule, &row, &timeline, &mut observed);
            let name = format!("{scene}-{}", rule.name);
            let title = format!("{row}: {}", scenario.question);
            observed.lanes.push(Lanes {
                name,
                title,
                timeline,
            });
        }
    }
    Ok(observed)
}

/// Why the model does not play, if it does not.
fn missing(rule: &Rule) -> Option<String> {
    let model = models::find(&rule.name)?;
    let error = model.check(None).err()?;
    Some(format!("{}: {error}", rule.name))
}

/// Plays the scene against one model.
fn watch(
    scenario: &Scenario,
    rule: &Rule,
    settle: Duration,
    context: &Context<'_>,
) -> Result<Timeline, Problem> {
    let file = TraceFile::new(&rule.name);
    let path = file.0.to_string_lossy();
    let options = rule.run.split_whitespace();
    let words: Vec<&str> = [rule.name.as_str()].into_iter().chain(options).collect();
    let words = [&words[..], &["--trace", &path]].concat();
    let server = context.start_contender(&Contender::new(&words))?;
    let goes_on = || context.check().is_ok();
    let played = play(scenario, rule, server.address(), settle, &goes_on);
    context.check()?;
    let mut records = played.map_err(|error: PlayError| Problem::Other(error.to_string()))?;
    context.stop(&rule.name, server)?;
    let reading = || format!("cannot read {path}");
    let opened = File::open(&file.0).map_err(Problem::io(reading()))?;
    let of_server = trace::read(BufReader::new(opened));
    records.extend(of_server.map_err(|error| Problem::Other(error.to_string()))?);
    Ok(Timeline::of(records))
}

/// How many clients waited for each holder, and for how many of them the table has foretold all.
fn judge(
    scenario: &Scenario,
    rule: &Rule,
    row: &str,
    timeline: &Timeline,
    observed: &mut Observed,
) {
    let waits = verdict(scenario, rule, timeline);
    for holder in &scenario.holders {
        let has_waited = waits.iter().flat_map(|it| it.observed.iter().flatten());
        let count = has_waited.filter(|it| *it == holder).count();
        observed
            .figures
            .count(row, &format!("waited-for-{holder}"), count);
    }
    let foretold = waits.iter().filter(|it| it.is_as_expected()).count();
    observed.figures.count(row, "as-foretold", foretold);
    for it in waits.iter().filter(|it| !it.is_as_expected()) {
        let list = |names: &[String]| match names {
            [] => "no client".to_owned(),
            names => names.join(" and "),
        };
        let seen = match &it.observed {
            Some(names) => format!("waited for {}", list(names)),
            None => "had no answer".to_owned(),
        };
        let mut foretold = list(&it.expected);
        if !it.allowed.is_empty() {
            foretold += &format!(", or for {}", list(&it.allowed));
        }
        let note = format!(
            "{row}: {} {seen}, and was to wait for {foretold}.",
            it.client
        );
        observed.notes.push(note);
    }
}

/// Is removed in the end.
struct TraceFile(PathBuf);

impl TraceFile {
    fn new(model: &str) -> Self {
        let name = format!("servers-who-waits-{}-{model}.trace", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for TraceFile {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = fs::remove_file(Path::new(&self.0));
    }
}
