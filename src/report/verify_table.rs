//! The table of `bench --verify`.

use super::bench_table::WIDTH;
use super::grid::Grid;
use super::units::grouped;
use super::wrap::wrapped;
use crate::bench::verify::Verdict;

const HEADER: [&str; 5] = ["model", "answers", "wrong", "share", "errors"];
const EXPLANATION: &str = "wrong: a well-formed answer to another client's request. The C library \
    keeps its result in one buffer for each process, which all threads of the process share.";

/// One row for each contender, then an example of a wrong answer, if there was one.
pub fn text(connections: usize, verdicts: &[Verdict]) -> String {
    let mut grid = Grid::with_heads(HEADER);
    for verdict in verdicts {
        grid.push(row(verdict).to_vec());
    }
    let mut text = format!("The time of day, {connections} connections\n");
    text.push_str(&grid.text(WIDTH));
    for line in notes(verdicts) {
        text.push('\n');
        text.push_str(&wrapped(&line, WIDTH));
    }
    text
}

fn row(verdict: &Verdict) -> [String; 5] {
    let share = verdict
        .wrong_share()
        .map_or("–".to_owned(), |share| format!("{:.1} %", 100.0 * share));
    [
        verdict.contender.clone(),
        grouped(verdict.answers as f64),
        grouped(verdict.wrong as f64),
        share,
        grouped(verdict.errors as f64),
    ]
}

fn notes(verdicts: &[Verdict]) -> Vec<String> {
    let mut notes: Vec<String> = verdicts
        .iter()
        .filter_map(|verdict| {
            let failure = verdict.failure.as_ref()?;
            Some(format!("{}: {failure}", verdict.contender))
        })
        .collect();
    let example = verdicts.iter().find_map(|verdict| {
        let example = verdict.example.as_ref()?;
        Some(format!(
            "{}, asked for {}, which is {}, said: {}",
            verdict.contender, example.path, example.right, example.wrong
        ))
    });
    if let Some(example) = example {
        notes.push(EXPLANATION.to_owned());
        notes.push(example);
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::verify::Mistake;

    #[test]
    fn shows_who_is_wrong_and_how() {
        let right = Verdict {
            contender: "prefork".to_owned(),
            answers: 2000,
            ..Verdict::default()
        };
        let wrong = Verdict {
            contender: "threaded".to_owned(),
            answers: 1999,
            wrong: 1500,
            errors: 1,
            example: Some(Mistake {
                path: "/time?at=0&zone=0".to_owned(),
                right: "Thu Jan  1 00:00:00 1970".to_owned(),
                wrong: "Sun Sep 16 04:00:00 1973".to_owned(),
            }),
            ..Verdict::default()
        };
        let text = text(16, &[right, wrong]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "The time of day, 16 connections");
        assert_eq!(
            lines[3].split_whitespace().collect::<Vec<_>>(),
            ["prefork", "2,000", "0", "0.0", "%", "0"]
        );
        assert!(lines[4].starts_with("threaded"), "{text}");
        assert!(
            text.contains("which is Thu Jan  1 00:00:00 1970, said:\n  Sun Sep 16"),
            "{text}"
        );
        assert!(
            lines.iter().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}
