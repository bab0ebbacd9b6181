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

/// The same where several servers are shown.
const HOSTS_NOTES: [&str; 9] = [
    "",
    " A column of a strip is one second:",
    "   of a host    its requests; the highest bar of all hosts is full",
    "   of a worker  the share of the time in which it was busy",
    " share is the part of all requests per second.",
    "",
    " q quit   p pause   s change the order   w workers or hosts only",
    " ↑ ↓ PgUp PgDn Home End scroll",
    " ? back",
];

/// The lines that stand in place of the workers while the user asks for help.
pub(super) fn lines() -> Vec<Line> {
    with_letters(&NOTES)
}

/// The lines that stand in place of several servers.
pub(super) fn hosts_lines() -> Vec<Line> {
    with_letters(&HOSTS_NOTES)
}

fn with_letters(notes: &'static [&'static str]) -> Vec<Line> {
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
    let notes = notes.iter().copied().map(Line::raw);
    std::iter::once(title).chain(states).chain(notes).collect()
}
