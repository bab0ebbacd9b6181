//! What the letters, the strips and the keys mean. Pure.

use super::styled::{Line, Span, state_style};
use crate::scoreboard::State;

/// What follows the letters; no line is wider than 60 columns.
const NOTES: [&str; 8] = [
    "",
    " A column of a strip is one second of a worker:",
    "   ▁ to █  the share of the time in which it was busy",
    "   ·       not busy      ─  keeping a connection open",
    "",
    " q quit   p pause   s change the order of the workers",
    " r strips or requests   ↑ ↓ PgUp PgDn Home End scroll",
    " ? back to the workers",
];

/// The lines that stand in place of the workers while the user asks for help.
pub(super) fn lines() -> Vec<Line> {
    let title = Line::raw(" The letter of a worker is its state:");
    // Two a line, so that a terminal of 24 lines shows all of the help.
    let states = State::ALL.chunks(2).map(|pair| {
        let spans = pair.iter().flat_map(|&state| {
            [
                Span::raw("   "),
                Span::styled(state.letter().to_string(), state_style(Some(state))),
                Span::raw(format!("  {:<22}", state.words())),
            ]
        });
        Line::from(spans.collect::<Vec<Span>>())
    });
    let notes = NOTES.into_iter().map(Line::raw);
    std::iter::once(title).chain(states).chain(notes).collect()
}
