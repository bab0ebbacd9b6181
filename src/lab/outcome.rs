//! What a lab has shown: figures, pictures, and whether each expectation holds. Pure.

use std::time::Duration;

use serde::Serialize;

use super::definition::{Definition, Expectation};
use super::figures::Figures;
use super::picture::Picture;
use super::problem::Problem;
use super::relation::Value;
use crate::bench::environment::Environment;
use crate::trace::Timeline;

/// What was seen, before it is judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observed {
    /// Every figure.
    pub figures: Figures,
    /// Pictures that cannot be made of the figures alone.
    pub pictures: Vec<Picture>,
    /// Who waited for whom, where the lab traces connections.
    pub lanes: Vec<Lanes>,
    /// Rows that this machine has no server for.
    pub left_out: Vec<LeftOut>,
    /// What else a reader has to know, a sentence each.
    pub notes: Vec<String>,
}

/// What happened to each connection of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Lanes {
    /// For the name of a file.
    pub name: String,
    /// For a reader.
    pub title: String,
    /// It, joined.
    pub timeline: Timeline,
}

/// Rows without figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LeftOut {
    /// Their names.
    pub rows: Vec<String>,
    /// What is missing, and how to get it.
    pub why: String,
}

/// A whole lab, judged.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The lab's name.
    pub name: String,
    /// What it answers.
    pub question: String,
    /// What it did.
    pub does: String,
    /// Why the expected outcome is expected.
    pub explains: String,
    /// Where the book explains it.
    pub chapter: String,
    /// Whether it measured less than it can.
    pub quick: bool,
    /// The choice that is expected.
    pub expected: String,
    /// What was seen, in sentences.
    pub observed: String,
    /// Whether every expectation holds that could be checked.
    pub as_expected: bool,
    /// The reader's prediction, if there was one.
    pub prediction: Option<Prediction>,
    /// One for each expectation.
    pub checks: Vec<Check>,
    /// Every figure.
    pub figures: Figures,
    /// Every picture.
    pub pictures: Vec<Picture>,
    /// Who waited for whom. A program reads the figures.
    #[serde(skip)]
    pub lanes: Vec<Lanes>,
    /// Rows that this machine has no server for.
    pub left_out: Vec<LeftOut>,
    /// What else a reader has to know.
    pub notes: Vec<String>,
    /// How long it took.
    pub duration_s: f64,
    /// Machine and program.
    pub environment: Option<Environment>,
}

/// What a reader has predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Prediction {
    /// The letter of the choice.
    pub given: char,
    /// Whether it is what was observed; unknown where that is none of the choices.
    pub right: Option<bool>,
}

/// One expectation, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// It, in a sentence.
    pub says: String,
    /// It, as a relation.
    pub holds: String,
    /// Whether it is so; unknown where a row was left out.
    pub as_expected: Option<bool>,
    /// What its sides came to.
    pub values: Vec<Value>,
    /// Rounds that have all its figures.
    pub rounds: usize,
    /// In how many of these it is so.
    pub held: usize,
}

impl Outcome {
    /// Judges what was seen by what the lab expects.
    ///
    /// # Errors
    /// An expectation names a figure that the lab does not give, or no expectation could be
    /// checked.
    pub fn judge(
        lab: &Definition,
        observed: Observed,
        quick: bool,
        took: Duration,
    ) -> Result<Outcome, Problem> {
        let checks = lab.expectations.iter().map(|it| check(it, &observed));
        let checks: Vec<Check> = checks.collect::<Result<_, _>>()?;
        if checks.iter().all(|it| it.as_expected.is_none()) {
            let why: Vec<&str> = observed.left_out.iter().map(|it| it.why.as_str()).collect();
            return Err(Problem::Other(format!(
                "nothing could be checked: {}",
                why.join("; ")
            )));
        }
        let sketched = lab.pictures.iter().map(|it| it.picture(&observed.figures));
        Ok(Outcome {
            name: lab.name.clone(),
            question: lab.question.clone(),
            does: lab.does.clone(),
            explains: lab.explains.clone(),
            chapter: lab.chapter.clone(),
            quick,
            expected: lab.expected_choice().unwrap_or_default().to_owned(),
            observed: sentences(&checks),
            as_expected: checks.iter().all(|it| it.as_expected != Some(false)),
            prediction: None,
            pictures: sketched.chain(observed.pictures).collect(),
            checks,
            figures: observed.figures,
            lanes: observed.lanes,
            left_out: observed.left_out,
            notes: observed.notes,
            duration_s: took.as_secs_f64(),
            environment: None,
        })
    }

    /// Adds what the reader has predicted. Only an outcome that is the expected one shows which
    /// choice is right.
    pub fn predicted(&mut self, given: Option<char>, answer: char) {
        self.prediction = given.map(|given| Prediction {
            given,
            right: self.as_expected.then_some(given == answer),
        });
    }
}

fn check(expectation: &Expectation, observed: &Observed) -> Result<Check, Problem> {
    let Expectation { says, holds } = expectation;
    let mut check = Check {
        says: says.clone(),
        holds: holds.to_string(),
        as_expected: None,
        values: Vec::new(),
        rounds: 0,
        held: 0,
    };
    let is_left_out = |row: &str| {
        let mut left_out = observed.left_out.iter().flat_map(|it| &it.rows);
        left_out.any(|it| it == row)
    };
    if holds.named().any(|(row, _)| is_left_out(row)) {
        return Ok(check);
    }
    let evaluation = holds.evaluate(&observed.figures).map_err(Problem::Other)?;
    check.as_expected = Some(evaluation.holds);
    check.values = evaluation.values;
    (check.rounds, check.held) = (evaluation.rounds, evaluation.held);
    Ok(check)
}

/// What was seen of each expectation.
fn sentences(checks: &[Check]) -> String {
    let said = checks.iter().filter_map(|check| {
        let says = check.says.trim_end_matches('.');
        let values: Vec<String> = check.values.iter().map(ToString::to_string).collect();
        let values = values.join(", ");
        Some(match check.as_expected? {
            true => format!("{says} ({values})."),
            false => format!("Not so: {says} ({values})."),
        })
    });
    said.collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab(holds: &str) -> Definition {
        let text = format!(
            "question = 'q'\ndoes = 'd'\nexplains = 'e'\nchapter = 'c.md'\n\
             choices = ['no', 'yes']\nanswer = 'b'\ncode = 'x'\ntakes-s = 1\nquick-takes-s = 1\n\
             [[expect]]\nsays = 'It is so.'\nholds = '{holds}'\n\
             [[expect]]\nsays = 'The peer too.'\nholds = 'peer.pids = 3'\n"
        );
        Definition::parse("mine", &text).unwrap()
    }

    fn observed() -> Observed {
        let mut observed = Observed::default();
        observed.figures.count("prefork", "pids", 3);
        observed.left_out.push(LeftOut {
            rows: vec!["peer".to_owned()],
            why: "peer: apt install peer".to_owned(),
        });
        observed
    }

    fn outcome(holds: &str) -> Outcome {
        Outcome::judge(&lab(holds), observed(), true, Duration::ZERO).unwrap()
    }

    #[test]
    fn what_was_left_out_does_not_count() {
        let it = outcome("prefork.pids = 3");
        assert!(it.as_expected);
        assert_eq!(
            (it.expected.as_str(), it.checks[1].as_expected),
            ("yes", None)
        );
        assert_eq!(it.observed, "It is so (prefork.pids: 3).");
        let only_peer = outcome_of_peer_alone();
        assert!(only_peer.contains("apt install peer"), "{only_peer}");
    }

    fn outcome_of_peer_alone() -> String {
        let result = Outcome::judge(&lab("peer.pids > 1"), observed(), true, Duration::ZERO);
        result.unwrap_err().to_string()
    }

    #[test]
    fn an_expectation_turned_round_is_not_as_expected() {
        let it = outcome("prefork.pids < 3");
        assert!(!it.as_expected);
        assert_eq!(it.observed, "Not so: It is so (prefork.pids: 3).");
    }

    #[test]
    fn a_prediction_is_right_by_the_expected_outcome_alone() {
        for (holds, given, right) in [
            ("prefork.pids = 3", 'b', Some(true)),
            ("prefork.pids = 3", 'a', Some(false)),
            ("prefork.pids < 3", 'b', None),
        ] {
            let mut it = outcome(holds);
            it.predicted(Some(given), 'b');
            assert_eq!(it.prediction, Some(Prediction { given, right }));
        }
    }

    #[test]
    fn a_figure_that_is_not_there_is_a_mistake_of_the_lab() {
        let result = Outcome::judge(&lab("prefork.pid = 3"), observed(), true, Duration::ZERO);
        let why = result.unwrap_err().to_string();
        assert_eq!(why, "there is no figure prefork.pid");
    }
}
