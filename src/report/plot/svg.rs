//! SVG elements, and the two sets of colours in which a drawing is shown. Pure.
//!
//! Elements have the light colours as attributes, so that any program can draw them. A style within
//! the drawing replaces these by the dark ones: where the reader prefers them, or always.

use std::fmt::Write;

/// How wide one character of a label is, at most, in a usual font of [`FONT_SIZE`].
pub(super) const CHARACTER: f64 = 7.3;
/// Readable on a telephone, which shows a drawing at about its own size.
pub(super) const FONT_SIZE: f64 = 13.0;
const FONT: &str = "system-ui,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";

/// Light and dark colours of the series, each with a contrast of 3:1 or more to its paper.
const SERIES: [(&str, &str); 8] = [
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff8f4a"),
    ("#00805c", "#2fcfa0"),
    ("#a8478f", "#eb9ad0"),
    ("#946300", "#e6b93d"),
    ("#6a51c8", "#b3a4ff"),
    ("#5a5a5a", "#b9b9b9"),
    ("#8a3b12", "#d6a27c"),
];
/// Line patterns, one for each time that the colours repeat.
const DASHES: [&str; 3] = ["", "7 3", "2 3"];

/// The colours in which a drawing is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Those that the reader prefers.
    Preferred,
    /// Dark lines on white.
    Light,
    /// Light lines on black.
    Dark,
}

/// What a colour is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    /// The background.
    Paper,
    /// Text and marks.
    Text,
    /// Text that steps back.
    Faint,
    /// Lines of the grid.
    Grid,
    /// What went wrong.
    Alarm,
    /// A series, by its number.
    Series(usize),
}

impl Ink {
    const PLAIN: [(Ink, &'static str, &'static str, &'static str); 5] = [
        (Ink::Paper, "sp-paper", "#ffffff", "#16181d"),
        (Ink::Text, "sp-text", "#1f2328", "#e6e6e6"),
        (Ink::Faint, "sp-faint", "#59636e", "#9aa4b1"),
        (Ink::Grid, "sp-grid", "#d8dce1", "#363c45"),
        (Ink::Alarm, "sp-alarm", "#b3261e", "#ff8a80"),
    ];

    /// `class` and `color`; what is drawn with them uses `currentColor`.
    fn attributes(self) -> String {
        if let Ink::Series(number) = self {
            let at = number % SERIES.len();
            return format!("class=\"sp-{at}\" color=\"{}\"", SERIES[at].0);
        }
        let plain = Ink::PLAIN.iter().find(|it| it.0 == self);
        plain.map_or(String::new(), |(_, class, light, _)| {
            format!("class=\"{class}\" color=\"{light}\"")
        })
    }

    /// The pattern of a series' line.
    fn dash(self) -> &'static str {
        match self {
            Ink::Series(number) => DASHES[number / SERIES.len() % DASHES.len()],
            _ => "",
        }
    }
}

fn dark_rules() -> String {
    let plain = Ink::PLAIN.iter();
    let plain = plain.map(|(_, class, _, dark)| format!(".{class}{{color:{dark}}}"));
    let series = SERIES.iter().enumerate();
    let series = series.map(|(at, (_, dark))| format!(".sp-{at}{{color:{dark}}}"));
    plain.chain(series).collect()
}

/// Where a text stands in relation to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing with a text that says what it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    pub(super) width: f64,
    pub(super) height: f64,
    /// For a reader who does not see it.
    alt: String,
    body: String,
}

impl Drawing {
    /// An empty one.
    pub(super) fn new(width: f64, height: f64, alt: impl Into<String>) -> Drawing {
        Drawing {
            width,
            height,
            alt: alt.into(),
            body: String::new(),
        }
    }

    /// What it shows, in words.
    pub fn alt(&self) -> &str {
        &self.alt
    }

    /// The drawing as one `<svg>` element without an empty line, for a page or a file.
    pub fn svg(&self, theme: Theme) -> String {
        let (width, height) = (self.width.ceil(), self.height.ceil());
        let alt = escaped(&self.alt);
        let style = match theme {
            Theme::Light => String::new(),
            Theme::Dark => format!("<style>{}</style>\n", dark_rules()),
            Theme::Preferred => format!(
                "<style>@media (prefers-color-scheme:dark){{{}}}</style>\n",
                dark_rules()
            ),
        };
        let paper = Ink::Paper.attributes();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{alt}\" \
             font-family=\"{FONT}\" font-size=\"{FONT_SIZE}\">\n\
             {style}<rect {paper} width=\"100%\" height=\"100%\" rx=\"6\" fill=\"currentColor\"/>\n\
             {}</svg>\n",
            self.body
        )
    }

    /// These drawings side by side.
    pub fn beside(parts: &[Drawing]) -> Drawing {
        let width = parts.iter().map(|it| it.width).sum();
        let height = parts.iter().map(|it| it.height).fold(0.0, f64::max);
        Drawing::joined(parts, (width, height), |it| (it.width, 0.0))
    }

    /// These drawings one below the other.
    pub fn below(parts: &[Drawing]) -> Drawing {
        let width = parts.iter().map(|it| it.width).fold(0.0, f64::max);
        let height = parts.iter().map(|it| it.height).sum();
        Drawing::joined(parts, (width, height), |it| (0.0, it.height))
    }

    fn joined(
        parts: &[Drawing],
        (width, height): (f64, f64),
        step: fn(&Drawing) -> (f64, f64),
    ) -> Drawing {
        let alts: Vec<&str> = parts.iter().map(Drawing::alt).collect();
        let mut whole = Drawing::new(width, height, alts.join(" "));
        let (mut x, mut y) = (0.0, 0.0);
        for part in parts {
            let body = &part.body;
            let place = format_args!("<g transform=\"translate({x} {y})\">\n{body}</g>");
            whole.add(place);
            let (right, down) = step(part);
            (x, y) = (x + right, y + down);
        }
        whole
    }

    pub(super) fn text(&mut self, at: (f64, f64), anchor: Anchor, ink: Ink, text: &str) {
        self.styled_text(at, anchor, ink, "", text);
    }

    pub(super) fn heading(&mut self, at: (f64, f64), text: &str) {
        let weight = " font-weight=\"600\"";
        self.styled_text(at, Anchor::Start, Ink::Text, weight, text);
    }

    fn styled_text(
        &mut self,
        (x, y): (f64, f64),
        anchor: Anchor,
        ink: Ink,
        style: &str,
        text: &str,
    ) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (ink, text) = (ink.attributes(), escaped(text));
        self.add(format_args!(
            "<text {ink} x=\"{x:.1}\" y=\"{y:.1}\"{anchor}{style} \
             fill=\"currentColor\">{text}</text>"
        ));
    }

    /// A name where there is room for so many characters; the whole of it shows under the pointer.
    pub(super) fn name(&mut self, at: (f64, f64), anchor: Anchor, name: &str, room: usize) {
        let short = shortened(name, room);
        if short == name {
            return self.text(at, anchor, Ink::Text, name);
        }
        self.add(format_args!("<g><title>{}</title>", escaped(name)));
        self.text(at, anchor, Ink::Text, &short);
        self.add(format_args!("</g>"));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, width: f64) {
        self.path(&[from, to], ink, width);
    }

    /// A line through these points, in the pattern of its series.
    pub(super) fn path(&mut self, points: &[(f64, f64)], ink: Ink, width: f64) {
        let mut route = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let letter = if index == 0 { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(route, "{letter}{x:.1} {y:.1}");
        }
        let dash = match ink.dash() {
            "" => String::new(),
            dash => format!(" stroke-dasharray=\"{dash}\""),
        };
        let ink = ink.attributes();
        self.add(format_args!(
            "<path {ink} d=\"{route}\" fill=\"none\" stroke=\"currentColor\" \
             stroke-width=\"{width}\" stroke-linejoin=\"round\"{dash}/>"
        ));
    }

    pub(super) fn rectangle(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), ink: Ink) {
        let (ink, width) = (ink.attributes(), width.max(0.0));
        self.add(format_args!(
            "<rect {ink} x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             fill=\"currentColor\"/>"
        ));
    }

    /// A filled disc, or a ring that shows the paper.
    pub(super) fn disc(&mut self, (x, y): (f64, f64), radius: f64, ink: Ink, is_ring: bool) {
        if is_ring {
            self.disc((x, y), radius, Ink::Paper, false);
        }
        let fill = if is_ring { "none" } else { "currentColor" };
        let ink = ink.attributes();
        self.add(format_args!(
            "<circle {ink} cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{fill}\" \
             stroke=\"currentColor\" stroke-width=\"2\"/>"
        ));
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.body, "{element}");
    }
}

/// Text as XML has it, in content and in attributes.
pub(in crate::report) fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// `name` with its middle left out where it has more characters than there is room for: options
/// differ at the end.
fn shortened(name: &str, room: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= room {
        return name.to_owned();
    }
    let head = room.saturating_sub(1) / 2;
    let tail = room.saturating_sub(1) - head;
    let head: String = letters[..head].iter().collect();
    let tail: String = letters[letters.len() - tail..].iter().collect();
    format!("{head}…{tail}")
}

/// The width of a text, at most.
pub(super) fn width_of(text: &str) -> f64 {
    text.chars().count() as f64 * CHARACTER
}

#[cfg(test)]
#[path = "svg_tests.rs"]
mod tests;
