//! How the workers of each server shared the load, as a table below the others.

use super::findings::{self, capitalised};
use super::grid::Grid;
use super::units::grouped;
use crate::bench::plan::Plan;
use crate::bench::results::Results;
use crate::bench::summary::Row;

/// The table; nothing where no server has several workers that last.
pub(super) fn text(results: &Results, width_max: usize) -> String {
    let plan = &results.plan;
    let mut grid = Grid::new(heads(plan));
    let mut is_empty = true;
    for contender in &plan.contenders {
        let rows = plan.scenarios.iter().filter_map(|&scenario| {
            findings::of_scenario(results, scenario).find(|row| row.contender == contender.name)
        });
        let rows: Vec<&Row> = rows.collect();
        let Some(workers) = rows.iter().find_map(|row| row.workers) else {
            continue;
        };
        is_empty = false;
        let mut cells = vec![contender.name.clone(), grouped(workers.median)];
        cells.extend(rows.iter().flat_map(|row| share(row)));
        grid.push(cells);
    }
    if is_empty {
        return String::new();
    }
    let title = "How the workers shared the requests: those of the least busy..of the busiest one";
    format!("{title}\n{}", grid.text(width_max))
}

fn heads(plan: &Plan) -> Vec<Vec<String>> {
    let mut above = vec![String::new(), String::new()];
    let mut below = vec!["model".to_owned(), "workers".to_owned()];
    for scenario in &plan.scenarios {
        above.extend([capitalised(&scenario.to_string()), String::new()]);
        below.extend(["least..most", "fairness"].map(str::to_owned));
    }
    vec![above, below]
}

/// `5,312..5,480` and `0.998`: the middle ones of the blocks.
pub(super) fn share(row: &Row) -> [String; 2] {
    let (Some(least), Some(most)) = (row.requests_of_least, row.requests_of_most) else {
        return ["–", "–"].map(str::to_owned);
    };
    let fairness = row
        .fairness
        .map_or("–".to_owned(), |it| format!("{:.3}", it.median));
    let range = format!("{}..{}", grouped(least.median), grouped(most.median));
    [range, fairness]
}
