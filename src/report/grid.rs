//! Cells in columns: the first to the left, the others to the right, a line below the heads. Pure.

use super::wrap::broken;

/// What lies between two columns, where there is room for it.
const GAP: usize = 2;
/// Narrower, names of models would break.
const NAME_WIDTH_MIN: usize = 11;

/// Rows of cells; a cell may have several lines.
pub(super) struct Grid {
    heads: Vec<Vec<String>>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// A grid with these rows of heads, the first cell of each being that of the names.
    pub(super) fn new(heads: Vec<Vec<String>>) -> Grid {
        let rows = Vec::new();
        Grid { heads, rows }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    /// As text. Where it would be wider than `width_max`, the names are broken, and the gaps
    /// become narrower.
    pub(super) fn text(&self, width_max: usize) -> String {
        let all = || self.heads.iter().chain(&self.rows);
        let columns = all().map(Vec::len).max().unwrap_or(0);
        let width_of = |column: usize| {
            let cells = all().filter_map(|row| row.get(column));
            cells.flat_map(|cell| cell.lines()).map(width).max()
        };
        let widths: Vec<usize> = (0..columns).map(|it| width_of(it).unwrap_or(0)).collect();
        let (names, figures) = widths.split_first().map_or((0, &[][..]), |(&n, f)| (n, f));
        let room_with =
            |gap: usize| width_max.saturating_sub(figures.iter().map(|width| width + gap).sum());
        let gap = match names.min(NAME_WIDTH_MIN) <= room_with(GAP) {
            true => GAP,
            false => GAP - 1,
        };
        let names = names.min(room_with(gap).max(NAME_WIDTH_MIN));
        let mut text = String::new();
        for row in &self.heads {
            lay_out(row, names, figures, gap, &mut text);
        }
        let line = names + figures.iter().map(|width| width + gap).sum::<usize>();
        text.push_str(&format!("{}\n", "─".repeat(line)));
        for row in &self.rows {
            lay_out(row, names, figures, gap, &mut text);
        }
        text
    }
}

/// One row, which has as many lines as its highest cell.
fn lay_out(row: &[String], names: usize, figures: &[usize], gap: usize, text: &mut String) {
    let Some((name, cells)) = row.split_first() else {
        return;
    };
    let name: Vec<String> = name.lines().flat_map(|line| broken(line, names)).collect();
    let cells: Vec<Vec<&str>> = cells.iter().map(|cell| cell.lines().collect()).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    for at in 0..height.max(name.len()) {
        let mut line = padded(name.get(at).map_or("", String::as_str), names);
        for (cell, &room) in cells.iter().zip(figures) {
            let piece = cell.get(at).copied().unwrap_or_default();
            line.push_str(&" ".repeat(gap + room.saturating_sub(width(piece))));
            line.push_str(piece);
        }
        text.push_str(&format!("{}\n", line.trim_end()));
    }
}

fn padded(text: &str, room: usize) -> String {
    format!("{text}{}", " ".repeat(room.saturating_sub(width(text))))
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(names: [&str; 2]) -> Grid {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let mut grid = Grid::new(vec![row(["model", "20", "200"])]);
        grid.push(row([names[0], "1,234\n12 refused", "9"]));
        grid.push(row([names[1], "7", ""]));
        grid
    }

    #[test]
    fn figures_end_in_their_column_and_cells_may_be_high() {
        let expected = "\
model          20  200
──────────────────────
epoll       1,234    9
       12 refused
fork            7
";
        assert_eq!(grid(["epoll", "fork"]).text(100), expected);
    }

    #[test]
    fn long_names_are_broken_between_words() {
        let text = grid(["prefork --accept flock", "fork"]).text(32);
        assert!(
            text.contains("\nprefork --\n") || text.contains("\nprefork "),
            "{text}"
        );
        assert!(
            text.lines().all(|line| line.chars().count() <= 32),
            "{text}"
        );
    }
}
