//! How the columns of the screen are divided.

use super::history::SECONDS;
use crate::scoreboard::State;
use crate::status::Report;

/// Columns before the strip: slot, process, letter.
const LEFT: usize = 18;
/// Columns of the generation, between slot and process.
const GENERATION: usize = 5;
/// Columns behind the strip: requests per second, CPU.
pub(super) const RIGHT: usize = 14;
/// With at least this many columns left, the requests get a column of their own.
const REQUEST_MIN: usize = 24;

/// The division of the columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    pub(super) left: usize,
    pub(super) strip: usize,
    pub(super) request: usize,
}

impl Columns {
    /// Divides `width` columns. The generation gets columns only while there are two of them.
    pub(super) fn of(width: u16, report: &Report) -> Self {
        let width = usize::from(width);
        let left = match has_generations(report) {
            true => LEFT + GENERATION,
            false => LEFT,
        };
        let rest = width.saturating_sub(left + RIGHT);
        let strip = rest.min(SECONDS);
        let request = match rest - strip {
            request @ REQUEST_MIN.. => request,
            _ => 0,
        };
        Self {
            left,
            strip,
            request,
        }
    }

    pub(super) fn has_generation(self) -> bool {
        self.left > LEFT
    }
}

/// Whether there are workers of more than one generation.
fn has_generations(report: &Report) -> bool {
    let there = report
        .workers
        .iter()
        .filter(|it| it.state() != State::Empty);
    // A worker that is just starting has not written its generation yet.
    let mut generations = there.map(|it| it.generation).filter(|&it| it > 0);
    let first = generations.next();
    generations.any(|it| Some(it) != first)
}
