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
