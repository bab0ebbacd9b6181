//! `servers completions SHELL`: prints a completion script.

use std::process::ExitCode;

use clap_complete::Shell;

/// Print a completion script for a shell.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  servers completions bash > ~/.local/share/bash-completion/completions/servers
  servers completions zsh > ~/.zfunc/_servers
  servers completions fish > ~/.config/fish/completions/servers.fish")]
pub(super) struct Args {
    /// The shell that will read the script.
    shell: Shell,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "servers", &mut script);
        super::print(&script)
    }
}
