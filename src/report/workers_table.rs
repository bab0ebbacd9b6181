//! How the workers of each server shared the load, as a table below the others.

use super::grid::Grid;
use super::units::grouped;
use super::words::capitalised;
use crate::bench::results::Results;
use crate::bench::summary::{Ranking, Row, Summary};

/// The table; nothing where no server has several workers that last.
pub(super) fn text(results: &Results, summary: &Summary, width_max: usize) -> String {
    let mut grid = Grid::new(heads(&summary.rankings));
    let mut is_empty = true;
    for (index, contender) in results.plan.contenders.iter().enumerate() {
        let rows = summary.rankings.iter().map(|it| &it.rows[index]);
        let Some(workers) = rows.clone().find_map(|row| row.workers) else {
            continue;
        };
        is_empty = false;
        let mut cells = vec![contender.name.clone(), grouped(workers.median)];
        cells.extend(rows.flat_map(share));
        grid.push(cells);
    }
    if is_empty {
        return String::new();
    }
    let title = "How the workers shared the requests: those of the least busy..of the busiest one";
    format!("{title}\n{}", grid.text(width_max))
}

fn heads(rankings: &[Ranking]) -> Vec<Vec<String>> {
    let mut above = vec![String::new(), String::new()];
    let mut below = vec!["model".to_owned(), "workers".to_owned()];
    for ranking in rankings {
        above.extend([capitalised(&ranking.workload.name), String::new()]);
        below.extend(["least..most", "fairness"].map(str::to_owned));
    }
    vec![above, below]
}

/// `5,312..5,480` and `0.998`: the medians over the blocks.
fn share(row: &Row) -> [String; 2] {
    let (Some(least), Some(most)) = (row.requests_of_least, row.requests_of_most) else {
        return ["–", "–"].map(str::to_owned);
    };
    let fairness = row
        .fairness
        .map_or("–".to_owned(), |it| format!("{:.3}", it.median));
    let range = format!("{}..{}", grouped(least.median), grouped(most.median));
    [range, fairness]
}
