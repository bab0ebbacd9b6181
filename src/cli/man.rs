//! `servers man`: prints the manual page.

use std::process::ExitCode;

/// Print the manual page, in roff.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  servers man | man -l -
  servers man run > servers-run.1")]
pub(super) struct Args {
    /// The subcommand whose page to print; the program's own page without it.
    subcommand: Option<String>,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let mut root = super::command();
        root.build();
        let page = match &self.subcommand {
            None => root,
            Some(name) => root
                .find_subcommand(name)
                .ok_or_else(|| {
                    anyhow::anyhow!("there is no subcommand '{name}'; see servers help")
                })?
                .clone(),
        };
        let mut roff = Vec::new();
        clap_mangen::Man::new(page).render(&mut roff)?;
        super::print(&roff)
    }
}
