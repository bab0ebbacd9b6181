//! Pictures of what a lab has seen, as data: a terminal draws them, and so does an SVG. Pure.

use serde::{Deserialize, Serialize};

/// One picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Picture {
    /// A bar for each row, from the figures.
    Bars {
        /// What the bars show.
        title: String,
        /// Whose figure it is, by name.
        figure: String,
        /// The rows, from the top down; all that have the figure, if none is named.
        #[serde(default)]
        rows: Vec<String>,
    },
    /// Lines over common axes.
    Lines {
        /// What the lines show.
        title: String,
        /// The axis to the right.
        x: String,
        /// The axis upwards.
        y: String,
        /// Equal distances for equal ratios, on both axes.
        #[serde(default)]
        log: bool,
        /// A height stays until the next point, as a number of things does over time.
        #[serde(default)]
        steps: bool,
        /// One line for each name.
        lines: Vec<Series>,
    },
    /// How the workers of each row shared what there was to do.
    Shares {
        /// What was shared.
        title: String,
        /// One row for each name: a number for each worker.
        rows: Vec<Share>,
    },
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// What stands at its end.
    pub name: String,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
}

/// The shares of one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Whose workers they are.
    pub name: String,
    /// One number for each worker.
    pub parts: Vec<f64>,
    /// What there is to say of them.
    pub remark: String,
}

impl Series {
    /// A line of steps. Of points of equal height in a row only the first and the last are kept:
    /// they draw the same.
    pub fn of_steps(name: &str, points: &[(f64, f64)]) -> Series {
        let differs = |at: usize, other: Option<usize>| {
            let other = other.and_then(|other| points.get(other));
            other.is_none_or(|other| points.get(at).is_none_or(|it| it.1 != other.1))
        };
        let is_end = |at: &usize| differs(*at, at.checked_sub(1)) || differs(*at, Some(at + 1));
        let kept = (0..points.len()).filter(is_end);
        Series {
            name: name.to_owned(),
            points: kept.filter_map(|at| points.get(at).copied()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_heights_in_a_row_the_ends_are_kept() {
        let of = |heights: &[f64]| -> Vec<f64> {
            let points = (0..).map(f64::from).zip(heights.iter().copied());
            let line = Series::of_steps("a", &points.collect::<Vec<_>>());
            line.points.iter().map(|it| it.0).collect()
        };
        assert_eq!(
            of(&[0.0, 0.0, 0.0, 2.0, 2.0, 2.0, 1.0]),
            [0.0, 2.0, 3.0, 5.0, 6.0]
        );
        assert_eq!(of(&[1.0]), [0.0]);
        assert!(of(&[]).is_empty());
    }
}
