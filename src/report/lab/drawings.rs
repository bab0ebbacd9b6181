//! The pictures of a lab as drawings.

use crate::lab::Outcome;
use crate::lab::picture::{Picture, Series, Share};
use crate::lab::relation::short;
use crate::report::plot::bars::{Bar, Bars};
use crate::report::plot::shares::{self, Shares};
use crate::report::plot::{Axis, Drawing, Line, Plot};

/// Every picture of the lab.
pub fn drawings(outcome: &Outcome) -> Vec<Drawing> {
    let pictures = outcome.pictures.iter();
    pictures.map(|it| drawing(outcome, it)).collect()
}

fn drawing(outcome: &Outcome, picture: &Picture) -> Drawing {
    match picture {
        Picture::Bars {
            title,
            figure,
            rows,
        } => Bars {
            title,
            bars: bars(outcome, figure, rows),
        }
        .draw(),
        Picture::Lines {
            title,
            x,
            y,
            log,
            steps,
            lines,
        } => {
            let axis = |label| {
                if *log {
                    Axis::log(label)
                } else {
                    Axis::linear(label)
                }
            };
            let plot = Plot {
                title,
                x: axis(x),
                y: axis(y),
                lines: lines.iter().map(|it| line(it, *steps)).collect(),
            };
            let names: Vec<&str> = lines.iter().map(|it| it.name.as_str()).collect();
            plot.draw(&format!("{title}: {y} by {x} for {}.", names.join(", ")))
        }
        Picture::Shares { title, rows } => Shares {
            title,
            rows: rows.iter().enumerate().map(share).collect(),
        }
        .draw(),
    }
}

fn bars(outcome: &Outcome, figure: &str, rows: &[String]) -> Vec<Bar> {
    let all = outcome.figures.0.iter().filter(|it| it.name == figure);
    let wanted = all.filter(|it| rows.is_empty() || rows.contains(&it.row));
    let bar = |(series, it): (usize, &crate::lab::figures::Figure)| {
        let spread = it.spread();
        let sign = it.unit.sign();
        Bar {
            name: it.row.clone(),
            series,
            value: spread.map(|it| it.median),
            range: spread.map(|it| (it.min, it.max)),
            figure: spread.map_or(String::new(), |it| {
                format!("{} {sign}", short(it.median)).trim_end().to_owned()
            }),
            remark: String::new(),
            failure: spread.is_none().then(|| "not measured".to_owned()),
        }
    };
    wanted.enumerate().map(bar).collect()
}

/// Measured points have a disc each; the ends of steps are no measurements.
fn line(series: &Series, steps: bool) -> Line {
    let line = Line::new(series.name.clone(), series.points.clone());
    match steps {
        true => line,
        false => line.with_dots(Vec::new()),
    }
}

fn share((series, share): (usize, &Share)) -> shares::Share {
    let mut parts = share.parts.clone();
    parts.sort_unstable_by(|a, b| b.total_cmp(a));
    shares::Share {
        name: share.name.clone(),
        series,
        requests: parts,
        remark: share.remark.clone(),
    }
}
