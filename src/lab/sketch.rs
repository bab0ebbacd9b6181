//! The pictures that a lab's file asks for. Pure.

use serde::Deserialize;

use super::figures::{Figure, Figures};
use super::picture::{Picture, Series};

/// A picture of figures that the lab has.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Sketch {
    /// A bar for each row.
    Bars {
        /// What the bars show.
        title: String,
        /// Whose length it is.
        figure: String,
        /// The rows; all, if none is named.
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
        /// Equal distances for equal ratios.
        #[serde(default)]
        log: bool,
        /// The height of each point of `rows`.
        figure: String,
        /// The place of each point.
        at: Vec<f64>,
        /// From the top of the legend down.
        #[serde(rename = "line")]
        lines: Vec<SketchLine>,
    },
}

/// A line through figures, or through numbers that a rule gives.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SketchLine {
    /// What stands at its end.
    pub name: String,
    /// The row of each point.
    #[serde(default)]
    pub rows: Vec<String>,
    /// The height of each point, instead of rows.
    #[serde(default)]
    pub values: Vec<f64>,
}

impl Sketch {
    /// The picture of these figures. Rows that were left out are not in it.
    pub fn picture(&self, figures: &Figures) -> Picture {
        match self {
            Sketch::Bars {
                title,
                figure,
                rows,
            } => Picture::Bars {
                title: title.clone(),
                figure: figure.clone(),
                rows: rows.clone(),
            },
            Sketch::Lines {
                title,
                x,
                y,
                log,
                figure,
                at,
                lines,
            } => {
                let height = |row: &String| {
                    let spread = figures.get(row, figure).and_then(Figure::spread);
                    spread.map_or(f64::NAN, |it| it.median)
                };
                let series = lines.iter().map(|line| {
                    let heights: Vec<f64> = match line.rows.is_empty() {
                        true => line.values.clone(),
                        false => line.rows.iter().map(height).collect(),
                    };
                    Series {
                        name: line.name.clone(),
                        points: at.iter().copied().zip(heights).collect(),
                    }
                });
                Picture::Lines {
                    title: title.clone(),
                    x: x.clone(),
                    y: y.clone(),
                    log: *log,
                    steps: false,
                    lines: series.collect(),
                }
            }
        }
    }
}
