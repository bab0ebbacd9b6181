//! What a lab's file says. A lab is a TOML file; this is its reference.
//!
//! ```toml
//! question = "what does a fork for each connection cost?"
//! does = "Asks both servers for small answers, with a connection for each request."
//! explains = "fork copies the page tables of its parent for each connection."
//! chapter = "03-fork.md#what-it-costs"
//! choices = ["nothing that shows", "at least twice the CPU time"]
//! answer = "b"                      # the letter of the choice that is expected
//! figures = ["cpu", "rate"]         # columns of the table; see `window::FIGURES`
//!
//! [[contender]]
//! name = "fork"                     # the row: no spaces, no dot
//! run = "fork"                      # what follows `servers run`
//! [[contender]]
//! name = "prefork"
//! run = "prefork --workers 4"
//!
//! [[workload]]
//! name = "close"
//! base = "close"                    # a workload of `servers bench`, changed by further keys
//!
//! [bench]                           # optional
//! rounds = 6
//!
//! [[picture]]
//! kind = "bars"
//! title = "CPU time per request"
//! figure = "cpu"
//!
//! [[expect]]
//! says = "fork takes at least twice the CPU time."
//! holds = "fork.cpu > 2 * prefork.cpu"
//! ```
//!
//! With several workloads a row is `NAME[WORKLOAD]`. With `[axis]` (`workers = [4, 8]`), a
//! contender whose name contains `{workers}` is one contender for each value. Instead of contenders
//! and workloads, `code = "NAME"` names a function of this program, which takes its numbers from
//! `[settings]`, and from `[quick]` with `--quick`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::entries::{Application, Entrant, Load, Measure, Size};
use super::problem::Problem;
use super::relation::Relation;
use super::sketch::Sketch;
use super::window::FIGURES;

/// A lab, as its file describes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Definition {
    /// The file's name without `.toml`.
    #[serde(skip)]
    pub name: String,
    /// What the lab answers.
    pub question: String,
    /// What it will do, in a sentence or two.
    pub does: String,
    /// Why the outcome is the expected one.
    pub explains: String,
    /// Where the book explains it: a file of `chapters/`, and a heading.
    pub chapter: String,
    /// What a reader may predict.
    pub choices: Vec<String>,
    /// The letter of the choice that the expectations show.
    pub answer: char,
    /// The function of `code/` that watches; none where the file has contenders.
    #[serde(default)]
    pub code: Option<String>,
    /// About how long that takes, in seconds. Contenders and workloads say it themselves.
    #[serde(default)]
    pub takes_s: f64,
    /// The same with `--quick`.
    #[serde(default)]
    pub quick_takes_s: f64,
    /// Numbers for the code.
    #[serde(default)]
    pub settings: BTreeMap<String, f64>,
    /// Those of them that `--quick` changes.
    #[serde(default)]
    pub quick: BTreeMap<String, f64>,
    /// What is compared: answers instead of figures.
    #[serde(default)]
    pub measure: Measure,
    /// The figures of the table.
    #[serde(default)]
    pub figures: Vec<String>,
    /// Numbers that contenders are repeated with.
    #[serde(default)]
    pub axis: BTreeMap<String, Vec<u32>>,
    /// Those of them that `--quick` measures with.
    #[serde(default)]
    pub quick_axis: BTreeMap<String, Vec<u32>>,
    /// The servers.
    #[serde(default, rename = "contender")]
    pub contenders: Vec<Entrant>,
    /// What each of them is asked.
    #[serde(default, rename = "workload")]
    pub workloads: Vec<Load>,
    /// How much is measured.
    #[serde(default)]
    pub bench: Size,
    /// An application that servers load.
    #[serde(default)]
    pub application: Option<Application>,
    /// Pictures of the figures.
    #[serde(default, rename = "picture")]
    pub pictures: Vec<Sketch>,
    /// All have to hold.
    #[serde(rename = "expect")]
    pub expectations: Vec<Expectation>,
}

/// One thing that has to be so.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// It, in a sentence.
    pub says: String,
    /// It, as a relation between figures.
    pub holds: Relation,
}

/// The first letter of the choices.
const FIRST_CHOICE: u8 = b'a';

impl Definition {
    /// Reads the text of a lab's file.
    ///
    /// # Errors
    /// What is wrong in it, and where.
    pub fn parse(name: &str, text: &str) -> Result<Definition, Problem> {
        let wrong = |why: String| Problem::Other(format!("the lab {name}: {why}"));
        let parsed: Result<Definition, _> = toml::from_str(text);
        let mut lab = parsed.map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        name.clone_into(&mut lab.name);
        lab.check().map_err(wrong)?;
        Ok(lab)
    }

    /// Reads a lab's file.
    ///
    /// # Errors
    /// It cannot be read, or it is wrong.
    pub fn read(path: &Path) -> Result<Definition, Problem> {
        let reading = format!("cannot read {}", path.display());
        let text = std::fs::read_to_string(path).map_err(Problem::io(reading))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Definition::parse(&name, &text)
    }

    fn check(&self) -> Result<(), String> {
        if self.choices.len() < 2 || self.expected_choice().is_none() {
            return Err("it needs two choices or more, and answer = the letter of one".to_owned());
        }
        if self.expectations.is_empty() {
            return Err("it expects nothing: write [[expect]]".to_owned());
        }
        if self.code.is_some() {
            let is_data = !self.contenders.is_empty() || !self.workloads.is_empty();
            return match (is_data, self.takes_s > 0.0 && self.quick_takes_s > 0.0) {
                (true, _) => Err("it has either code or contenders, not both".to_owned()),
                (_, false) => Err("code needs takes-s and quick-takes-s".to_owned()),
                _ => Ok(()),
            };
        }
        self.check_data()
    }

    fn check_data(&self) -> Result<(), String> {
        if self.contenders.is_empty() {
            return Err("it has neither code nor a [[contender]]".to_owned());
        }
        let measures_windows = self.measure == Measure::Windows;
        if measures_windows && (self.workloads.is_empty() || self.figures.is_empty()) {
            return Err("it needs a [[workload]] and figures".to_owned());
        }
        for entrant in &self.contenders {
            let name = &entrant.name;
            if entrant.run.is_some() == entrant.peer.is_some() {
                return Err(format!("the contender {name} needs either run or peer"));
            }
            if name.is_empty() || name.contains([' ', '.', '*', '/', '<', '>', '=']) {
                return Err(format!(
                    "'{name}' is no name for a row: letters, digits, - and _"
                ));
            }
        }
        let unknown = |name: &&String| FIGURES.iter().all(|it| it.name != **name);
        match self.figures.iter().find(unknown) {
            Some(name) => {
                let names: Vec<&str> = FIGURES.iter().map(|it| it.name).collect();
                Err(format!("'{name}' is no figure: {}", names.join(", ")))
            }
            None => Ok(()),
        }
    }

    /// The same lab for some models only: what it expects of others is left out. All, if `models`
    /// is empty.
    #[must_use]
    pub fn only(mut self, models: &[String]) -> Definition {
        let model_of = |row: &str| row.split('[').next().unwrap_or(row).to_owned();
        let is_wanted = |it: &Expectation| {
            let mut rows = it.holds.named().map(|(row, _)| model_of(row));
            rows.all(|row| models.contains(&row))
        };
        self.expectations
            .retain(|it| models.is_empty() || is_wanted(it));
        self
    }

    /// The choices with their letters.
    pub fn lettered(&self) -> impl Iterator<Item = (char, &str)> {
        let letters = (FIRST_CHOICE..=b'z').map(char::from);
        letters.zip(self.choices.iter().map(String::as_str))
    }

    /// The choice that the expectations show.
    pub fn expected_choice(&self) -> Option<&str> {
        let mut all = self.lettered();
        all.find(|it| it.0 == self.answer).map(|it| it.1)
    }

    /// A number for the code.
    ///
    /// # Errors
    /// The file has no such number.
    pub fn setting(&self, name: &str, quick: bool) -> Result<f64, Problem> {
        let of_quick = self.quick.get(name).filter(|_| quick);
        let found = of_quick.or_else(|| self.settings.get(name)).copied();
        let lab = &self.name;
        found.ok_or_else(|| Problem::Other(format!("the lab {lab} lacks {name} in [settings]")))
    }

    /// A whole number for the code.
    ///
    /// # Errors
    /// The file has no such number.
    pub fn number(&self, name: &str, quick: bool) -> Result<usize, Problem> {
        Ok(self.setting(name, quick)? as usize)
    }
}

#[cfg(test)]
#[path = "definition_tests.rs"]
mod tests;
