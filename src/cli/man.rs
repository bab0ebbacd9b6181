//! `servers man`: prints the manual page.

use std::process::ExitCode;

use clap::error::ErrorKind;

/// Print the manual page, in roff.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  servers man | man -l -
  servers man run > servers-run.1")]
pub(super) struct Args {
    /// The subcommand whose page to print [default: the program's own page].
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
                .cloned()
                .unwrap_or_else(|| no_such(name)),
        };
        let mut roff = Vec::new();
        clap_mangen::Man::new(page).render(&mut roff)?;
        super::print(&roff)
    }
}

fn no_such(name: &str) -> ! {
    let message = format!("there is no subcommand '{name}'; see servers help");
    super::wrong_call("man", ErrorKind::InvalidSubcommand, message)
}
