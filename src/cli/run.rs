//! `servers run`.

use std::process::ExitCode;

/// Serve with one model until SIGTERM or SIGINT.
#[derive(clap::Args)]
pub(super) struct Args {}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("not built yet")
    }
}
