//! `--plan FILE`: a plan as it was recorded, or as a person writes it. What is left out gets the
//! default that it has on the command line.

use std::fmt;
use std::fs;
use std::marker::PhantomData;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::contenders::{Common, Entry, number_namesakes, parse_foreign};
use super::rates;
use super::workloads;
use crate::bench::budget::{Budget, SWEEP_BLOCKS, blocks_default, warm_up_for};
use crate::bench::contender::Contender;
use crate::bench::plan::Plan;
use crate::bench::workload::Workload;
use crate::cli::load::parse_expectation;
use crate::load::Expectation;

/// With `until`: no block begins after this time.
const MAX_TIME_S: f64 = 600.0;

/// The file. Times are in seconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    contenders: Vec<TextOr<Contender>>,
    #[serde(default)]
    with: Vec<String>,
    reference: Option<Reference>,
    twin: Option<bool>,
    #[serde(default)]
    options: Vec<String>,
    workloads: Option<Vec<TextOr<Workload>>>,
    #[serde(default)]
    looks: Vec<TextOr<Workload>>,
    #[serde(default)]
    rates: Vec<f64>,
    #[serde(default)]
    expect: Vec<TextOr<Expectation>>,
    server_cores: Option<usize>,
    generator_cores: Option<usize>,
    blocks: Option<usize>,
    until: Option<f64>,
    max_time_s: Option<f64>,
    warm_up_s: Option<f64>,
    window_s: Option<f64>,
    requests: Option<u64>,
    seed: Option<u64>,
}

/// The reference, by name or by its place from 0.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reference {
    Place(usize),
    Name(String),
}

/// What the command line would have, or what was recorded of it.
enum TextOr<T> {
    Text(String),
    Whole(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<TextOr<T>, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TextOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a table")
            }

            fn visit_str<E>(self, text: &str) -> Result<TextOr<T>, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TextOr<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(TextOr::Whole)
            }
        }
        from.deserialize_any(Either(PhantomData))
    }
}

impl<T> TextOr<T> {
    fn or_read(self, read: impl FnOnce(&str) -> Result<T, String>) -> Result<T, String> {
        match self {
            TextOr::Text(text) => read(&text),
            TextOr::Whole(whole) => Ok(whole),
        }
    }
}

/// Reads a plan: such a file, or the `results.json` of an earlier run.
///
/// # Errors
/// The file cannot be read, or holds no plan that makes sense.
pub(super) fn read(path: &Path) -> anyhow::Result<Plan> {
    /// The part of a results file that is wanted.
    #[derive(Deserialize)]
    struct Recorded {
        plan: File,
    }
    let text = fs::read_to_string(path)?;
    let file = match path.extension().is_some_and(|it| it == "json") {
        true => serde_json::from_str::<Recorded>(&text)?.plan,
        false => toml::from_str(&text)?,
    };
    let beside = path.parent().unwrap_or(Path::new("."));
    file.plan(beside)
        .map_err(anyhow::Error::msg)
        .context("it is no plan")
}

impl File {
    fn plan(self, beside: &Path) -> Result<Plan, String> {
        let contender =
            |it: TextOr<Contender>| it.or_read(|line| Entry::read(line)?.with(&Common::default()));
        let contenders = self.contenders.into_iter().map(contender);
        let foreign = self.with.iter().map(|text| parse_foreign(text));
        let mut contenders: Vec<Contender> = contenders.chain(foreign).collect::<Result<_, _>>()?;
        number_namesakes(&mut contenders);
        let usual = ["close", "hello"].map(|it| TextOr::Text(it.to_owned()));
        let named = self.workloads.unwrap_or_else(|| Vec::from(usual));
        let workload = |it: TextOr<Workload>| it.or_read(|name| workloads::read(name, beside));
        let workloads: Vec<Workload> = named.into_iter().map(workload).collect::<Result<_, _>>()?;
        let looks = self.looks.into_iter().map(workload);
        let expect = self.expect.into_iter();
        let expect: Vec<Expectation> = expect
            .map(|it| it.or_read(parse_expectation))
            .collect::<Result<_, _>>()?;
        let has_rates = !self.rates.is_empty();
        let mut rates = self.rates;
        rates.sort_by(f64::total_cmp);
        let blocks = match has_rates {
            true => SWEEP_BLOCKS[0],
            false => blocks_default(contenders.len()),
        };
        let mut plan = Plan {
            reference: place(self.reference, &contenders)?,
            twin: self.twin.unwrap_or(!has_rates),
            options: self.options,
            expect: match has_rates && expect.is_empty() {
                true => rates::expected_default(&workloads),
                false => expect,
            },
            looks: looks.collect::<Result<_, _>>()?,
            contenders,
            workloads,
            rates,
            server_cores: self.server_cores,
            generator_cores: self.generator_cores,
            blocks: self.blocks.unwrap_or(blocks),
            until: self.until,
            max_time: seconds(self.max_time_s.unwrap_or(MAX_TIME_S))?,
            warm_up: Duration::ZERO,
            window: Duration::ZERO,
            requests: self.requests,
            seed: self.seed.unwrap_or_else(|| u64::from(fastrand::u32(..))),
        };
        plan.window = match self.window_s {
            Some(given) => seconds(given)?,
            None if has_rates => rates::window(&plan.rates),
            None => Budget::FULL.window(plan.contenders.len(), plan.runs(), plan.extra()),
        };
        let warm_up = self.warm_up_s.map(seconds).transpose()?;
        plan.warm_up = warm_up.unwrap_or_else(|| warm_up_for(plan.window));
        check(&plan)?;
        Ok(plan)
    }
}

/// Where the reference is among the contenders; the first is it where none is named.
fn place(wanted: Option<Reference>, contenders: &[Contender]) -> Result<usize, String> {
    let found = match wanted {
        None => Some(0),
        Some(Reference::Place(place)) => Some(place),
        Some(Reference::Name(name)) => contenders.iter().position(|it| it.name == name),
    };
    let names: Vec<&str> = contenders.iter().map(|it| it.name.as_str()).collect();
    found
        .filter(|place| *place < contenders.len())
        .ok_or_else(|| {
            format!(
                "its reference is none of the contenders ({})",
                names.join(", ")
            )
        })
}

fn seconds(number: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(number).map_err(|_| format!("{number} s is no time"))
}

fn check(plan: &Plan) -> Result<(), String> {
    let wrong = [
        (plan.blocks == 0, "blocks has to be 1 or more"),
        (plan.workloads.is_empty(), "it has no workload"),
        (plan.window.is_zero(), "window_s has to be more than 0"),
        (plan.requests == Some(0), "requests has to be 1 or more"),
        (
            plan.rates.iter().any(|rate| rate.is_nan() || *rate <= 0.0),
            "each of its rates has to be more than 0",
        ),
        (
            plan.server_cores == Some(0) || plan.generator_cores == Some(0),
            "server_cores and generator_cores have to be 1 or more",
        ),
    ];
    match wrong.iter().find(|(is_so, _)| *is_so) {
        Some((_, why)) => Err((*why).to_owned()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::contender::Ready;

    fn parse(text: &str) -> anyhow::Result<Plan> {
        let directory = tempfile::tempdir().unwrap();
        fs::write(
            directory.path().join("mix.toml"),
            "[[request]]\npath = '/'\n",
        )
        .unwrap();
        let file = directory.path().join("plan.toml");
        fs::write(&file, text).unwrap();
        read(&file)
    }

    #[test]
    fn what_is_recorded_is_read_back() {
        let text = r#"
            with = ["a[ready=/health stop=INT]=./server {port}"]
            workloads = ["hello", "mix.toml"]
            rates = [2000, 500]
            expect = ["p99<5ms"]
            seed = 7
        "#;
        let plan = parse(text).unwrap();
        assert_eq!(plan.rates, [500.0, 2000.0]);
        assert_eq!(plan.workloads[1].requests.len(), 1);
        let foreign = plan.contenders[0].foreign.as_ref().unwrap();
        assert_eq!(foreign.ready, Ready::Path("/health".to_owned()));
        assert_eq!(foreign.stop, "SIGINT");
        assert_eq!((plan.blocks, plan.twin, plan.seed), (3, false, 7));
        assert_eq!(parse(&plan.to_toml().unwrap()).unwrap(), plan);
    }

    #[test]
    fn one_line_is_a_plan() {
        let plan = parse("with = ['a=./a {port}', 'b=./b {port}']\nreference = 'b'").unwrap();
        let names: Vec<&str> = plan.workloads.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["close", "hello"]);
        assert_eq!((plan.reference, plan.blocks, plan.twin), (1, 20, true));
        assert!(!plan.window.is_zero() && !plan.warm_up.is_zero());
    }

    #[test]
    fn complaints_say_what_is_wrong() {
        let with = "with = ['a=./a {port}']\n";
        for (line, words) in [
            ("reference = 'b'", "none of the contenders (a)"),
            ("reference = 3", "none of the contenders (a)"),
            ("workloads = ['helo']", "'helo' is no workload"),
            ("workloads = []", "no workload"),
            ("blocks = 0", "blocks has to be"),
            ("window_s = -1", "-1 s is no time"),
            ("rates = [0]", "more than 0"),
            ("rates = [5]\nexpect = ['p99']", "write p50<20ms"),
            ("bloks = 3", "unknown field `bloks`"),
            ("contenders = ['prefrok']", "'prefork'"),
        ] {
            let why = format!("{:#}", parse(&format!("{with}{line}")).unwrap_err());
            assert!(why.contains(words), "{line}: {why}");
        }
        let why = format!("{:#}", parse("blocks = 3").unwrap_err());
        assert!(why.contains("none of the contenders"), "{why}");
    }
}
