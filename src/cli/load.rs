//! `servers load`.

use std::process::ExitCode;

/// Load a URL and measure it.
#[derive(clap::Args)]
pub(super) struct Args {}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("not built yet")
    }
}
