//! The table of a bench as Markdown (GitHub's pipe tables).

use super::bench_table::{heading, notes};
use super::findings;
use super::units::{COUNT, Scale, TIME, grouped, mebibytes, range, value};
use super::workers_table::share;
use crate::bench::plan::Plan;
use crate::bench::results::Results;
use crate::bench::stats::Spread;
use crate::bench::summary::Row;

const HEADER: &str = "\
| model | req/s | p50 | p99 | p99.9 | max | errors | CPU/req | PSS MiB | processes | threads \
| per worker | fairness | |
|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|
";

/// A heading and a table for each scenario, then the sentences as a list.
pub fn text(results: &Results) -> String {
    let mut text = String::new();
    for &scenario in &results.plan.scenarios {
        text.push_str(&format!(
            "### {}\n\n{HEADER}",
            heading(&results.plan, scenario)
        ));
        for row in findings::of_scenario(results, scenario) {
            text.push_str(&line(&results.plan, row));
        }
        text.push('\n');
    }
    for sentence in findings::below_the_table(results)
        .iter()
        .filter(|line| !line.is_empty())
    {
        text.push_str(&format!("- {}\n", escaped(sentence)));
    }
    text
}

fn line(plan: &Plan, row: &Row) -> String {
    let show = |spread: &Option<Spread>, scale: Scale| {
        spread.as_ref().map_or("–".to_owned(), |spread| {
            let ranged = row.blocks_measured > 1;
            let range = if ranged {
                format!(" ({})", range(spread, scale))
            } else {
                String::new()
            };
            value(spread.median, scale) + &range
        })
    };
    let count = |spread: &Option<Spread>| {
        spread
            .as_ref()
            .map_or("–".to_owned(), |spread| grouped(spread.median))
    };
    let [shared, fairness] = share(row);
    let cells = [
        escaped(&row.contender),
        show(&row.requests_per_s, COUNT),
        show(&row.p50_us, TIME),
        show(&row.p99_us, TIME),
        show(&row.p999_us, TIME),
        show(&row.max_us, TIME),
        row.errors.to_string(),
        show(&row.server_cpu_us_per_request, TIME),
        row.peak_pss_kib
            .map_or("–".to_owned(), |spread| mebibytes(spread.median)),
        count(&row.processes),
        count(&row.threads),
        shared,
        fairness,
        escaped(&notes(plan, row).join(", ")),
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// Text in which no character means anything to Markdown.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if "\\`*_[]<>|#".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::bench_table::tests::large;

    #[test]
    fn every_line_of_the_table_has_the_same_cells() {
        let text = text(&large());
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert_eq!(lines.len(), 2 * (2 + 3));
        assert!(lines.iter().all(|line| cells(line) == 15), "{text}");
    }

    #[test]
    fn markup_in_names_stays_text() {
        assert_eq!(escaped("a|b *c* <d>"), "a\\|b \\*c\\* \\<d\\>");
    }
}
