//! What a view of a server, or of several, gives the terminal.

use super::keys::Key;
use super::report_source::{ReportError, Seen};
use super::styled::Line;

/// What to draw on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) colour: bool,
    /// A user can press keys; the last line lists them.
    pub(super) interactive: bool,
}

/// A report of one of the sources, or why it has none.
pub(super) struct Update {
    /// The index of the source.
    pub(super) source: usize,
    /// Seconds since the view began.
    pub(super) at: f64,
    pub(super) seen: Result<Seen, ReportError>,
}

/// State that reports and keys change, and that can be drawn.
pub(super) trait View {
    /// Takes in what a source says.
    fn update(&mut self, update: Update);
    /// The whole frame, no wider than `look` and, if the user can scroll, no higher.
    fn lines(&mut self, look: Look) -> Vec<Line>;
    /// Acts on a key; false if the user wants to quit.
    fn press(&mut self, key: Key) -> bool;
}

/// The lines of a frame as text.
pub(super) fn text(lines: &[Line]) -> String {
    let text = lines.iter().map(|line| format!("{line}"));
    text.map(|line| line.trim_end().to_owned() + "\n").collect()
}
