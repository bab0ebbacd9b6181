//! How tables are to look.

use super::wrap::wrapped;

/// The width of a terminal that is not known, and of what is saved.
pub const WIDTH: usize = 80;
/// Narrower, the tables could not be whole.
pub const WIDTH_MIN: usize = 60;
/// How the tables are to look.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Columns of the terminal.
    pub width: usize,
    /// Titles are bold.
    pub styled: bool,
    /// With ranges, intervals and resources.
    pub full: bool,
}

impl View {
    /// For a file.
    pub const PLAIN: View = View {
        width: WIDTH,
        styled: false,
        full: false,
    };

    pub(super) fn title(self, title: &str) -> String {
        match self.styled {
            true => format!("\x1b[1m{}\x1b[0m\n", wrapped(title, self.width).trim_end()),
            false => wrapped(title, self.width),
        }
    }
}
