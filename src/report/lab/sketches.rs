//! The pictures of a lab in a terminal: bars, and columns of eighths. Pure.

use crate::lab::Outcome;
use crate::lab::picture::{Picture, Series, Share};
use crate::lab::relation::short;
use crate::report::bar::bar;
use crate::report::grid::Grid;

const STEPS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Columns for the picture of a line, and for the words behind it.
const LINE_WIDTH_MIN: usize = 20;
const WORDS_WIDTH: usize = 14;
const BAR_WIDTH_MIN: usize = 10;

/// The picture, title first.
pub(super) fn sketch(outcome: &Outcome, picture: &Picture, width: usize) -> String {
    match picture {
        Picture::Bars {
            title,
            figure,
            rows,
        } => format!("{title}\n{}", bars(outcome, figure, rows, width)),
        Picture::Lines {
            title,
            x,
            y,
            steps,
            lines,
            ..
        } => match steps {
            true => format!("{title}\n{}", columns(x, lines, width)),
            false => format!("{title} ({y})\n{}", table(x, lines, width)),
        },
        Picture::Shares { title, rows } => format!("{title}\n{}", shares(rows)),
    }
}

fn bars(outcome: &Outcome, figure: &str, rows: &[String], width: usize) -> String {
    let all = outcome.figures.0.iter().filter(|it| it.name == figure);
    let wanted = all.filter(|it| rows.is_empty() || rows.contains(&it.row));
    let entries: Vec<(&str, Option<f64>, String)> = wanted
        .map(|it| {
            let median = it.spread().map(|spread| spread.median);
            let shown = median.map_or("–".to_owned(), short);
            let figure = format!("{shown} {}", it.unit.sign()).trim_end().to_owned();
            (it.row.as_str(), median, figure)
        })
        .collect();
    let names = longest(entries.iter().map(|it| it.0));
    let figures = longest(entries.iter().map(|it| it.2.as_str()));
    let room = width.saturating_sub(names + figures + 6).max(BAR_WIDTH_MIN);
    let largest = entries.iter().filter_map(|it| it.1).fold(0.0, f64::max);
    let line = |(name, value, figure): &(&str, Option<f64>, String)| {
        let drawn = match value {
            Some(value) if *value > 0.0 => bar(*value, largest, room),
            _ => " ".repeat(room),
        };
        format!("  {name:<names$}  {drawn}  {figure}\n")
    };
    entries.iter().map(line).collect()
}

fn longest<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|it| it.chars().count()).max().unwrap_or(0)
}

/// A row for each place on the axis, a column for each line.
fn table(x: &str, lines: &[Series], width: usize) -> String {
    let heads = [x.to_owned()]
        .into_iter()
        .chain(lines.iter().map(|it| it.name.clone()));
    let mut grid = Grid::new(vec![heads.collect()]);
    let mut places: Vec<f64> = (lines.iter().flat_map(|it| &it.points))
        .map(|it| it.0)
        .collect();
    places.sort_unstable_by(f64::total_cmp);
    places.dedup();
    for place in places {
        let height = |line: &Series| {
            let point = line
                .points
                .iter()
                .find(|it| it.0 == place && it.1.is_finite());
            point.map_or("–".to_owned(), |it| short(it.1))
        };
        let cells = [short(place)].into_iter().chain(lines.iter().map(height));
        grid.push(cells.collect());
    }
    grid.text(width)
}

/// One row of columns for each line, all on one scale: the highest value of each part.
fn columns(x: &str, lines: &[Series], width: usize) -> String {
    let points = || {
        lines
            .iter()
            .flat_map(|it| &it.points)
            .filter(|it| it.1.is_finite())
    };
    let end = points().map(|it| it.0).fold(0.0, f64::max);
    let most = points().map(|it| it.1).fold(0.0, f64::max);
    let names = longest(lines.iter().map(|it| it.name.as_str()));
    let room = width
        .saturating_sub(names + WORDS_WIDTH + 4)
        .max(LINE_WIDTH_MIN);
    let mut text = String::new();
    for line in lines {
        let heights = resampled(line, end, room);
        let drawn: String = heights.iter().map(|it| step(*it, most)).collect();
        let highest = line.points.iter().map(|it| it.1).fold(0.0, f64::max);
        text += &format!(
            "  {:<names$}  {drawn}  up to {}\n",
            line.name,
            short(highest)
        );
    }
    // 0, what the axis shows, and its end.
    let end = short(end);
    let between = room.saturating_sub(1 + end.chars().count());
    text + &format!("  {:<names$}  0{x:^between$}{end}\n", "")
}

/// The last value within each of the parts of the axis; where there is none, the one before.
fn resampled(line: &Series, end: f64, parts: usize) -> Vec<f64> {
    let mut heights = Vec::with_capacity(parts);
    let mut height = 0.0;
    let mut points = line.points.iter().peekable();
    for part in 1..=parts {
        let upto = end * part as f64 / parts as f64;
        while let Some(point) = points.next_if(|it| it.0 <= upto) {
            height = if point.1.is_finite() { point.1 } else { height };
        }
        heights.push(height);
    }
    heights
}

fn step(value: f64, most: f64) -> char {
    if !(value > 0.0 && most > 0.0) {
        return STEPS[0];
    }
    let step = (value / most * 8.0).round() as usize;
    STEPS[step.clamp(1, 8)]
}

/// A column for each worker, the busiest first.
fn shares(rows: &[Share]) -> String {
    let names = longest(rows.iter().map(|it| it.name.as_str()));
    let workers = rows.iter().map(|it| it.parts.len()).max().unwrap_or(0);
    let line = |row: &Share| {
        let mut parts = row.parts.clone();
        parts.sort_unstable_by(|a, b| b.total_cmp(a));
        let most = parts.first().copied().unwrap_or(0.0);
        let drawn: String = parts.iter().map(|it| step(*it, most)).collect();
        format!(
            "  {:<names$}  {drawn:<workers$}  {}\n",
            row.name, row.remark
        )
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(f64, f64)]) -> Series {
        Series {
            name: "fork".to_owned(),
            points: points.to_vec(),
        }
    }

    #[test]
    fn measured_points_are_a_table_and_steps_are_columns() {
        let few = [series(&[(1.0, 2.0), (5.0, f64::NAN)])];
        let text = table("ms", &few, 80);
        assert!(
            text.contains("ms  fork\n") && text.contains("5      –\n"),
            "{text}"
        );
        let many: Vec<(f64, f64)> = (0..=100).map(|it| (f64::from(it), f64::from(it))).collect();
        let text = columns("ms", &[series(&many)], 80);
        let drawn = text.lines().next().unwrap();
        assert!(
            drawn.contains("▁▁▁") && drawn.ends_with("█  up to 100"),
            "{text}"
        );
        assert!(text.lines().all(|it| it.chars().count() <= 80), "{text}");
        assert!(text.ends_with("  100\n") && text.contains(" ms "), "{text}");
    }

    #[test]
    fn the_busiest_worker_comes_first() {
        let row = Share {
            name: "first".to_owned(),
            parts: vec![0.0, 400.0, 200.0],
            remark: "uneven".to_owned(),
        };
        assert_eq!(shares(&[row]), "  first  █▄   uneven\n");
    }
}
