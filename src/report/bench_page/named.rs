//! A plot with the name of its file.

use crate::bench::workload::Workload;
use crate::report::html::Figure;
use crate::report::plot::{Drawing, Theme};

/// A plot that is also a file of its own.
pub struct Named {
    /// The file's name, without its extension.
    pub name: String,
    /// The plot.
    pub drawing: Drawing,
    /// What the reader is to see.
    pub caption: String,
}

impl Named {
    /// What a plot shows of a workload; both are in the file's name.
    pub(super) fn of(workload: &Workload, what: &str, drawing: Drawing, caption: String) -> Self {
        Self {
            name: format!("{}-{what}", workload.name),
            drawing,
            caption,
        }
    }

    pub(super) fn figure(&self) -> Figure {
        Figure::new(self.drawing.svg(Theme::Preferred), self.caption.clone())
    }
}
