//! Labs: a question, a prediction, one command, a picture and a verdict.
//!
//! # How to add a lab
//!
//! *A lab is a file*: `chapters/labs/NAME.toml`. The build finds it there, so `servers lab NAME`
//! runs it and `servers lab` lists it without another change. [`definition`] documents every key.
//! Readers write their own the same way, and run them as `servers lab ./mine.toml`.
//!
//! *Data.* A file with `[[contender]]` and `[[workload]]` is measured by the bench: each contender
//! once under each workload, round after round ([`measured`]). `measure = "wrong-answers"` compares
//! answers instead, as `servers bench --verify time` does.
//!
//! *Code.* Where a lab has to watch something special, its file says `code = "NAME"`. The code is
//! one file in `code/` and one row of [`code::ALL`]: a function that gets a [`Context`] and
//! returns an [`Observed`]. It starts servers with [`Context::start`], waits with
//! [`Context::pause`], which Ctrl-C ends, and says what it does with [`Context::step`]. Question,
//! choices, expectations and texts stay in the file, and so does every number that a reader may
//! want to change (`[settings]`).
//!
//! *Figures.* Both kinds give [`Figures`]: a value for each row (a contender) and each figure
//! (`memory`), once for each round. An expectation is a relation between them, as
//! `prefork.memory > 2 * worker.memory`; see [`relation`]. It must rest on counts, orders and
//! ratios within one run, so that a busy machine cannot turn it: never on a rate or a duration.
//! With `--quick` the same relations must hold. A lab that measures fewer rows then says which
//! expectations that leaves out.
//!
//! *A lab that needs a server that may be missing* names it as `peer`. If it is not installed, its
//! rows are left out, the outcome says so, and expectations that name these rows do not count.
//!
//! A test runs every lab with `--quick` (`tests/lab.rs`).
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`definition`], [`entries`], [`sketch`] | what a lab's file says |
//! | `shelf` | the files that come with the program |
//! | [`context`], `client`, `scratch` | what the code of a lab works with |
//! | [`measured`], `entrants`, [`window`] | a lab that is data, and the bench's figures |
//! | [`code`] | the labs that watch something special |
//! | [`figures`], [`picture`] | what was seen |
//! | [`relation`], [`outcome`] | what was expected, and whether it is so |

mod client;
pub mod code;
pub mod context;
pub mod definition;
mod entrants;
pub mod entries;
pub mod figures;
pub mod measured;
pub mod outcome;
pub mod picture;
pub mod problem;
pub mod relation;
mod scratch;
mod shelf;
pub mod sketch;
pub mod window;

pub use context::{Context, Progress};
pub use definition::Definition;
pub use figures::{Figures, Unit};
pub use outcome::{Observed, Outcome};
pub use problem::Problem;
pub use shelf::{all, named};

/// Carries out a lab and judges what it shows.
///
/// Must be called on a thread that lives as long as the servers: they are killed when it ends.
///
/// # Errors
/// It could not run: a server failed, the user stopped it, or its code is unknown.
pub fn run(lab: &Definition, context: &Context<'_>) -> Result<Outcome, Problem> {
    let begun = std::time::Instant::now();
    let observed = match &lab.code {
        Some(name) => code::run(name, lab, context)?,
        None => measured::run(lab, context)?,
    };
    context.check()?;
    Outcome::judge(lab, observed, context.quick, begun.elapsed())
}
