//! Lines of styled text, of which a frame consists.
//!
//! Each character counts as one column: texts from clients are printable ASCII
//! (`scoreboard::printable`), and graphs consist of narrow characters.

use std::fmt;

pub(super) use anstyle::{AnsiColor as Color, Effects};

use anstyle::Style;

use crate::scoreboard::State;

/// The style of a worker's state; `None` stands for a slot without a worker.
pub(super) fn state_style(state: Option<State>) -> Style {
    let colour = match state.unwrap_or(State::Empty) {
        State::Empty | State::Waiting => Color::BrightBlack,
        State::Starting | State::Finishing | State::Retiring => Color::Magenta,
        State::Reading => Color::Cyan,
        State::Responding => Color::Green,
        State::KeepAlive => Color::Yellow,
        State::Closing | State::Logging => Color::Blue,
    };
    colour.on_default()
}

/// A part of a line in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    text: String,
    style: Style,
}

impl Span {
    pub(super) fn raw(text: impl Into<String>) -> Self {
        Self::styled(text, Style::default())
    }

    pub(super) fn styled(text: impl Into<String>, style: impl Into<Style>) -> Self {
        Self {
            text: text.into(),
            style: style.into(),
        }
    }
}

/// One line of the screen. Its `Display` is the text without any style.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line(Vec<Span>);

impl Line {
    pub(super) fn raw(text: impl Into<String>) -> Self {
        Self(vec![Span::raw(text)])
    }

    pub(super) fn styled(text: impl Into<String>, style: impl Into<Style>) -> Self {
        Self(vec![Span::styled(text, style)])
    }

    /// Removes the colours. Bold and reversed text stays so.
    pub(super) fn without_colour(mut self) -> Self {
        for span in &mut self.0 {
            span.style = span.style.fg_color(None);
        }
        self
    }

    /// The first `width` columns of the line, with the escape sequences of its styles.
    pub(super) fn escaped(&self, width: usize) -> String {
        let mut left = width;
        let mut line = String::new();
        for span in &self.0 {
            let text: String = span.text.chars().take(left).collect();
            if text.is_empty() {
                break;
            }
            left -= text.chars().count();
            let (begin, end) = (span.style.render(), span.style.render_reset());
            line += &format!("{begin}{text}{end}");
        }
        line
    }
}

impl From<Vec<Span>> for Line {
    fn from(spans: Vec<Span>) -> Self {
        Self(spans)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut spans = self.0.iter();
        spans.try_for_each(|span| formatter.write_str(&span.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line::from(vec![
            Span::raw("ab"),
            Span::styled("cd", Color::Red.on_default()),
            Span::styled("─f", Effects::BOLD),
        ])
    }

    #[test]
    fn a_line_is_cut_by_columns_and_each_style_is_reset() {
        assert_eq!(line().to_string(), "abcd─f");
        let cut = line().without_colour().escaped(5);
        assert_eq!(cut, "abcd\x1b[1m─\x1b[0m");
        assert_eq!(line().escaped(3), "ab\x1b[31mc\x1b[0m");
    }
}
