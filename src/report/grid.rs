//! Cells in columns: the first to the left, the others to the right, a line below the heads. Pure.
//!
//! Every table of a report is one of these, as text or as Markdown.

use super::wrap::broken;

/// The space between two columns, where there is room for it.
const GAP: usize = 2;
/// Narrower, names of models would break.
const NAME_WIDTH_MIN: usize = 11;

/// Longer names are broken before a column goes.
const NAME_WIDTH_MAX: usize = 18;

/// Rows of cells; a cell may have several lines.
pub(super) struct Grid {
    heads: Vec<Vec<String>>,
    rows: Vec<Row>,
    /// Columns in the order in which they go when there is no room.
    expendable: Vec<usize>,
    /// The gap for which a column goes.
    gap: usize,
}

struct Row {
    cells: Vec<String>,
    /// A remark below the row, over all columns.
    note: String,
}

impl Grid {
    /// A grid with these rows of heads, the first cell of each being that of the names.
    pub(super) fn new(heads: Vec<Vec<String>>) -> Grid {
        Grid {
            heads,
            rows: Vec::new(),
            expendable: Vec::new(),
            gap: GAP,
        }
    }

    /// A grid with one row of heads.
    pub(super) fn with_heads<const N: usize>(heads: [&str; N]) -> Grid {
        Grid::new(vec![heads.map(str::to_owned).to_vec()])
    }

    /// Lets these columns go, the first first, where there is no room.
    pub(super) fn expending(mut self, columns: &[usize]) -> Grid {
        self.expendable = columns.to_vec();
        self
    }

    /// Prefers narrow gaps to fewer columns.
    pub(super) fn dense(mut self) -> Grid {
        self.gap = GAP - 1;
        self
    }

    /// Adds a row.
    pub(super) fn push(&mut self, cells: Vec<String>) {
        self.push_with(cells, String::new());
    }

    /// Adds a row with a remark.
    pub(super) fn push_with(&mut self, cells: Vec<String>, note: String) {
        self.rows.push(Row { cells, note });
    }

    /// As text. Where it would be wider than `width_max`, columns go, gaps become narrower, and
    /// names are broken.
    pub(super) fn text(&self, width_max: usize) -> String {
        let mut columns: Vec<usize> = (0..self.columns()).collect();
        for expended in &self.expendable {
            let gap = self.gap * columns.len().saturating_sub(1);
            let width_of = |column: &usize| match column {
                0 => self.width_of(0).min(NAME_WIDTH_MAX),
                column => self.width_of(*column),
            };
            let width: usize = columns.iter().map(width_of).sum();
            if width + gap <= width_max {
                break;
            }
            columns.retain(|column| column != expended);
        }
        let widths: Vec<usize> = columns.iter().map(|it| self.width_of(*it)).collect();
        let layout = Layout::of(&widths, width_max);
        let kept = |cells: &[String]| -> Vec<String> {
            let cell = |column: &usize| cells.get(*column).cloned().unwrap_or_default();
            columns.iter().map(cell).collect()
        };
        let mut text = String::new();
        for row in &self.heads {
            layout.lay_out(&kept(row), &mut text);
        }
        text.push_str(&format!("{}\n", "─".repeat(layout.width())));
        for row in &self.rows {
            layout.lay_out(&kept(&row.cells), &mut text);
            if !row.note.is_empty() {
                for line in broken(&row.note, width_max.saturating_sub(NOTE_INDENT)) {
                    text.push_str(&format!("{}{line}\n", " ".repeat(NOTE_INDENT)));
                }
            }
        }
        text
    }

    /// As a pipe table of GitHub's Markdown, with the remarks as a last column.
    pub(super) fn markdown(&self) -> String {
        let mut text = line(self.flat_heads().into_iter());
        text.push_str(&format!(
            "|---|{}---|\n",
            "--:|".repeat(self.columns().saturating_sub(1))
        ));
        for row in self.flat_rows() {
            text.push_str(&line(row.into_iter()));
        }
        text
    }

    /// The heads in one row, with an empty one above the remarks.
    pub(super) fn flat_heads(&self) -> Vec<String> {
        let head = |column: usize| -> String {
            let cells = self.heads.iter().filter_map(|row| row.get(column));
            let words: Vec<&str> = cells
                .map(String::as_str)
                .filter(|it| !it.is_empty())
                .collect();
            words.join(" ")
        };
        let heads = (0..self.columns()).map(head);
        heads.chain([String::new()]).collect()
    }

    /// The cells of each row, with its remark behind them.
    pub(super) fn flat_rows(&self) -> Vec<Vec<String>> {
        let columns = self.columns();
        let flat = |row: &Row| {
            let cells = (0..columns).map(|it| row.cells.get(it).cloned().unwrap_or_default());
            cells.chain([row.note.clone()]).collect()
        };
        self.rows.iter().map(flat).collect()
    }

    fn columns(&self) -> usize {
        let rows = self.rows.iter().map(|row| row.cells.len());
        self.heads
            .iter()
            .map(Vec::len)
            .chain(rows)
            .max()
            .unwrap_or(0)
    }

    fn width_of(&self, column: usize) -> usize {
        let rows = self.rows.iter().map(|row| &row.cells);
        let cells = self
            .heads
            .iter()
            .chain(rows)
            .filter_map(|row| row.get(column));
        cells
            .flat_map(|cell| cell.lines())
            .map(width)
            .max()
            .unwrap_or(0)
    }
}

const NOTE_INDENT: usize = 2;

/// The widths that the columns get.
struct Layout {
    names: usize,
    figures: Vec<usize>,
    gap: usize,
}

impl Layout {
    fn of(widths: &[usize], width_max: usize) -> Layout {
        let (names, figures) = widths.split_first().map_or((0, &[][..]), |(&n, f)| (n, f));
        let room_with =
            |gap: usize| width_max.saturating_sub(figures.iter().map(|width| width + gap).sum());
        let gap = match names.min(NAME_WIDTH_MIN) <= room_with(GAP) {
            true => GAP,
            false => GAP - 1,
        };
        Layout {
            names: names.min(room_with(gap).max(NAME_WIDTH_MIN)),
            figures: figures.to_vec(),
            gap,
        }
    }

    fn width(&self) -> usize {
        let figures = self.figures.iter().map(|width| width + self.gap);
        self.names + figures.sum::<usize>()
    }

    /// One row, which has as many lines as its highest cell.
    fn lay_out(&self, row: &[String], text: &mut String) {
        let Some((name, cells)) = row.split_first() else {
            return;
        };
        let name: Vec<String> = name
            .lines()
            .flat_map(|line| broken(line, self.names))
            .collect();
        let cells: Vec<Vec<&str>> = cells.iter().map(|cell| cell.lines().collect()).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for at in 0..height.max(name.len()) {
            let mut line = padded(name.get(at).map_or("", String::as_str), self.names);
            for (cell, &room) in cells.iter().zip(&self.figures) {
                let piece = cell.get(at).copied().unwrap_or_default();
                line.push_str(&" ".repeat(self.gap + room.saturating_sub(width(piece))));
                line.push_str(piece);
            }
            text.push_str(&format!("{}\n", line.trim_end()));
        }
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells
        .map(|cell| escaped(cell.trim_end()).replace('\n', " "))
        .collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Text in which no character means anything to Markdown.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if "\\`*_[]<>|#".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn padded(text: &str, room: usize) -> String {
    format!("{text}{}", " ".repeat(room.saturating_sub(width(text))))
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
#[path = "grid_tests.rs"]
mod tests;
