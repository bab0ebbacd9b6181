//! The table of `servers bench compare`.

use super::bench_table::WIDTH;
use super::grid::Grid;
use super::rows::{shown, times};
use super::wrap::wrapped;
use crate::bench::unpaired::Change;

const WARNING: &str = "These two results are not paired: between them the machine may have changed \
    in a way that no block shares. Read a change as a hint, not as a finding.";
const ADVICE: &str = "To know, put both into one bench: servers bench 'old=PATH-OF-THE-OLD-BINARY \
    MODEL' 'new=PATH-OF-THE-NEW-BINARY MODEL' --reference old";

/// The warning, the changes, and what to do.
pub fn text(changes: &[Change]) -> String {
    let mut grid = Grid::with_heads(["", "workload", "old", "new", "ratio", ""]);
    for change in changes {
        let metric = change.workload.metric;
        let hint = if change.stands_out { "look at it" } else { "" };
        grid.push(vec![
            change.contender.clone(),
            change.workload.name.clone(),
            shown(change.old, metric),
            shown(change.new, metric),
            times(change.new / change.old),
            hint.to_owned(),
        ]);
    }
    let (warning, advice) = (wrapped(WARNING, WIDTH), wrapped(ADVICE, WIDTH));
    format!("{warning}\n{}\n{advice}", grid.text(WIDTH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::workload::Workload;

    #[test]
    fn it_warns_first_and_says_how_to_know() {
        let text = text(&[Change {
            contender: "prefork --accept flock --workers 128".to_owned(),
            workload: Workload::named("hello").unwrap(),
            old: 10.0,
            new: 12.0,
            stands_out: true,
        }]);
        assert!(
            text.starts_with("These two results are not paired"),
            "{text}"
        );
        assert!(
            text.contains("1.20×") && text.contains("look at it"),
            "{text}"
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
    }
}
