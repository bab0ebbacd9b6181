//! `servers bench --verify`.

use std::process::ExitCode;
use std::sync::Arc;

use super::load::stop_on_signals;
use crate::bench::contender::Contender;
use crate::bench::verify;
use crate::load::Watch;
use crate::report::verify_table;

/// What may be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Subject {
    /// The time of day, from a C function with a static buffer
    Time,
}

/// Asks every contender and shows the verdicts. Wrong answers are a result and no failure; what
/// could not be asked is one.
pub(super) fn execute(
    subject: Subject,
    contenders: &[Contender],
    connections: usize,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let watch = Arc::new(Watch::default());
    stop_on_signals(&watch)?;
    let verdicts = match subject {
        Subject::Time => verify::time(contenders, connections, &watch)?,
    };
    let text = match json {
        true => crate::bench::json::to_string(&verdicts)?,
        false => verify_table::text(connections, &verdicts),
    };
    super::print(text.as_bytes())?;
    let asked_all = verdicts.len() == contenders.len();
    Ok(
        if asked_all && verdicts.iter().all(verify::Verdict::is_whole) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        },
    )
}
