//! The files of an outcome. A further run replaces them.

use std::fs;
use std::io;
use std::path::Path;

use crate::bench::json;
use crate::lab::Outcome;
use crate::report::bench_table::View;
use crate::report::lab as report;
use crate::report::plot::Theme;
use crate::trace::{self, Scale};

/// Lanes are drawn as wide as the figures of the book.
const LANES_SCALE: Scale = Scale::Pixels(720.0);

/// `NAME.txt` as it is printed, and `NAME.json`.
pub(super) fn outcome(outcome: &Outcome, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let file = |extension: &str| directory.join(format!("{}.{extension}", outcome.name));
    fs::write(file("txt"), report::text(outcome, View::PLAIN))?;
    fs::write(file("json"), json::to_string(outcome)?)
}

/// `NAME.svg`, then `NAME-2.svg` and so on.
pub(super) fn pictures(outcome: &Outcome, directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for (index, drawing) in report::drawings(outcome).iter().enumerate() {
        let name = match index {
            0 => format!("{}.svg", outcome.name),
            _ => format!("{}-{}.svg", outcome.name, index + 1),
        };
        fs::write(directory.join(name), drawing.svg(Theme::Preferred))?;
    }
    for lanes in &outcome.lanes {
        let alt = format!("{}. {}", lanes.title, trace::in_words(&lanes.timeline));
        let drawing = trace::svg(&lanes.timeline, LANES_SCALE, usize::MAX, &alt);
        let name = format!("{}-{}.svg", outcome.name, lanes.name);
        fs::write(directory.join(name), drawing)?;
    }
    Ok(())
}
