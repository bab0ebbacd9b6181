//! A page in one file: headings, sentences, tables and plots, with nothing to load from elsewhere.
//! Pure.
//!
//! ```
//! use servers::report::html::{Figure, Page, Section, Table};
//!
//! let page = Page {
//!     title: "A run".to_owned(),
//!     subtitle: vec!["64 connections".to_owned()],
//!     sections: vec![Section {
//!         heading: "Times".to_owned(),
//!         paragraphs: vec!["Sentences are escaped: a < b.".to_owned()],
//!         table: Some(Table::new(["time", "p99"], [["response", "12 ms"]])),
//!         figures: vec![Figure::new("<svg></svg>", "What the plot shows.")],
//!     }],
//! };
//! assert!(page.render()?.contains("a &lt; b"));
//! # Ok::<(), servers::report::html::PageError>(())
//! ```
//!
//! Plots come from [`plot`](super::plot).

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

const TEMPLATE: &str = include_str!("page.html");

/// The template does not fit the page: a mistake in this file or in `page.html`.
#[derive(Debug, thiserror::Error)]
#[error("cannot render the page: {0}")]
pub struct PageError(#[from] minijinja::Error);

/// A whole page.
#[derive(Debug, Default, Serialize)]
pub struct Page {
    /// The title, which is also the first heading.
    pub title: String,
    /// Lines below the title.
    pub subtitle: Vec<String>,
    /// The parts of the page, in order.
    pub sections: Vec<Section>,
}

/// A part of a page. What is empty is left out.
#[derive(Debug, Default, Serialize)]
pub struct Section {
    /// What the part is about.
    pub heading: String,
    /// Sentences.
    pub paragraphs: Vec<String>,
    /// A table behind the sentences.
    pub table: Option<Table>,
    /// Plots behind the table.
    pub figures: Vec<Figure>,
}

impl Section {
    /// Whether it has nothing below its heading.
    pub fn is_empty(&self) -> bool {
        self.paragraphs.is_empty() && self.table.is_none() && self.figures.is_empty()
    }
}

/// A table: the first column to the left, the others to the right.
#[derive(Debug, Serialize)]
pub struct Table {
    /// The heads of the columns.
    pub heads: Vec<String>,
    /// The cells, row by row.
    pub rows: Vec<Vec<String>>,
    /// Whether the cells hold words, which stand to the left and may break.
    is_of_words: bool,
    /// Whether the last column holds remarks.
    has_remarks: bool,
}

impl Table {
    /// A table of these cells.
    pub fn new<H, R, C>(
        heads: impl IntoIterator<Item = H>,
        rows: impl IntoIterator<Item = R>,
    ) -> Self
    where
        H: Into<String>,
        R: IntoIterator<Item = C>,
        C: Into<String>,
    {
        let row = |cells: R| cells.into_iter().map(Into::into).collect();
        Self {
            heads: heads.into_iter().map(Into::into).collect(),
            rows: rows.into_iter().map(row).collect(),
            is_of_words: false,
            has_remarks: false,
        }
    }

    /// The same where the last column holds remarks; without any, the column goes.
    #[must_use]
    pub fn with_remarks(mut self) -> Self {
        let has_one = |row: &Vec<String>| row.last().is_some_and(|cell| !cell.is_empty());
        self.has_remarks = self.rows.iter().any(has_one);
        if !self.has_remarks {
            self.heads.pop();
            for row in &mut self.rows {
                row.pop();
            }
        }
        self
    }

    /// Names and what is to be said of each, without heads.
    pub fn of_facts(rows: impl IntoIterator<Item = [String; 2]>) -> Self {
        Self {
            heads: Vec::new(),
            rows: rows.into_iter().map(Vec::from).collect(),
            is_of_words: true,
            has_remarks: false,
        }
    }
}

/// A plot with a sentence below it.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// An `<svg>` element, which goes into the page as it is.
    pub svg: String,
    /// What the reader is to see.
    pub caption: String,
}

impl Figure {
    /// A figure of this `<svg>` element.
    pub fn new(svg: impl Into<String>, caption: impl Into<String>) -> Self {
        Self {
            svg: svg.into(),
            caption: caption.into(),
        }
    }
}

impl Page {
    /// The page as HTML.
    ///
    /// # Errors
    /// None for any page, unless the template is wrong.
    pub fn render(&self) -> Result<String, PageError> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.add_template("page", TEMPLATE)?;
        Ok(environment.get_template("page")?.render(Serde(self))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_escaped_but_the_plots() {
        let page = Page {
            title: "<b>".to_owned(),
            subtitle: vec!["a & b".to_owned()],
            sections: vec![Section {
                heading: "h".to_owned(),
                paragraphs: vec!["<script>".to_owned()],
                table: Some(Table::new(["<i>"], [["\"x\""]])),
                figures: vec![Figure::new("<svg id='plot'></svg>", "c")],
            }],
        };
        let html = page.render().unwrap();
        for part in ["&lt;b&gt;", "a &amp; b", "&lt;script&gt;", "&lt;i&gt;"] {
            assert!(html.contains(part), "no {part} in\n{html}");
        }
        assert!(
            html.contains("<svg id='plot'></svg>") && !html.contains("<script>"),
            "{html}"
        );
        assert!(
            !html.contains("http://") && !html.contains("https://"),
            "{html}"
        );
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let page = Page {
            sections: vec![Section::default()],
            ..Page::default()
        };
        let html = page.render().unwrap();
        assert!(
            !html.contains("<table") && !html.contains("<figure"),
            "{html}"
        );
    }
}
