//! `servers list`.

use std::process::ExitCode;

/// List the models.
#[derive(clap::Args)]
pub(super) struct Args {}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("not built yet")
    }
}
