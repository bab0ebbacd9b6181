//! The options of `servers run` that concern the machine rather than the clients: where the
//! configuration is, who runs here, and with what rights.

use std::path::PathBuf;

use super::config::Origins;
use crate::service::{Identity, Pidfile, Preload, Refused, Sandbox, manager, sandbox};
use crate::site::Root;
use crate::sys::errors::plain;

/// One option for each thing that a service owes to its machine.
#[derive(clap::Args)]
#[command(next_help_heading = "The service")]
pub(super) struct ServiceArgs {
    /// Options from a TOML file, by their long names; the command line wins. SIGHUP reads it again.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Check the options, those of the file included, and exit.
    #[arg(long)]
    pub(super) check: bool,

    /// File for the server's process ID; a second server with the same file refuses to start.
    #[arg(long, value_name = "FILE")]
    pub(super) pidfile: Option<PathBuf>,

    /// Serve as this user. Needs root; a master stays root, its workers do not.
    #[arg(long, value_name = "NAME|UID")]
    user: Option<String>,

    /// Serve as this group [default: the user's].
    #[arg(long, value_name = "NAME|GID")]
    group: Option<String>,

    /// Confine whoever serves: it opens no files but those below --root, to read them, runs no
    /// program, calls nobody. What is left to it is in chapter 19 of the book.
    #[arg(long)]
    pub(super) sandbox: bool,

    /// Memory to touch, standing for an application that has to be loaded.
    #[arg(long, value_name = "MIB", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=65_536))]
    preload: u32,

    /// Before the workers are forked, so that they share it, or after, in each of them.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = When::Before)]
    preload_when: When,
}

/// On which side of the fork something happens.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum When {
    /// Once for all
    Before,
    /// In each worker
    After,
}

/// What a process does before it serves, prepared so far that little can go wrong any more.
pub(super) struct Privileges {
    identity: Option<Identity>,
    sandbox: Option<Sandbox>,
    preload_after_mib: u32,
}

impl ServiceArgs {
    /// Looks up who is to serve, and whether the kernel can do what is asked for.
    ///
    /// # Errors
    /// There is no such user, or this process may not become it; there is no sandbox to be had.
    pub(super) fn rights(
        &self,
        root: Option<&Root>,
        uring: bool,
        origins: &Origins,
    ) -> anyhow::Result<Privileges> {
        let (user, group) = (self.user.as_deref(), self.group.as_deref());
        let identity = Identity::find(user, group).map_err(|refused| {
            let (option, why) = match refused {
                Refused::User(why) => ("user", why),
                Refused::Group(why) => ("group", why),
            };
            origins.blame(
                &[option],
                anyhow::anyhow!("cannot serve as --{option}: {why}"),
            )
        })?;
        let mut sandbox = None;
        if self.sandbox {
            sandbox::is_supported().map_err(|error| {
                origins.blame(&["sandbox"], anyhow::anyhow!("no --sandbox: {error}"))
            })?;
            let root = root.map(Root::directory).transpose()?;
            sandbox = Some(Sandbox { root, uring });
        }
        let preload_after_mib = match self.preload_when {
            When::After => self.preload,
            When::Before => 0,
        };
        Ok(Privileges {
            identity,
            sandbox,
            preload_after_mib,
        })
    }

    /// Whether each worker is to do something that only a worker of a master can do.
    pub(super) fn preloads_in_workers(&self) -> bool {
        self.preload > 0 && self.preload_when == When::After
    }

    /// Loads what is to be there before any fork. As much as is wanted may be there already, from
    /// before a reload; otherwise the new is loaded before the old goes.
    ///
    /// # Errors
    /// There is not as much memory.
    pub(super) fn preload_before(&self, loaded: &mut Option<Preload>) -> anyhow::Result<()> {
        let wanted_mib = match self.preload_when {
            When::Before => self.preload,
            When::After => 0,
        };
        if loaded.as_ref().map_or(0, Preload::mib) == wanted_mib as usize {
            return Ok(());
        }
        *loaded = match wanted_mib {
            0 => None,
            // At a reload the service manager waits for signs of life.
            mib => {
                let loaded = Preload::touch(mib as usize, manager::alive_when_due());
                Some(loaded.map_err(anyhow::Error::msg)?)
            }
        };
        Ok(())
    }

    /// Writes this process's ID, if that is wanted. It `has_children`, or opens files for clients.
    ///
    /// # Errors
    /// Another server has the file, or it cannot be written.
    pub(super) fn take_pidfile(&self, has_children: bool) -> anyhow::Result<Option<Pidfile>> {
        let Some(path) = &self.pidfile else {
            return Ok(None);
        };
        let taken = Pidfile::take(path, has_children).map_err(|error| {
            anyhow::anyhow!(
                "cannot take --pidfile {}: {}",
                path.display(),
                plain(&error)
            )
        })?;
        Ok(Some(taken))
    }
}

impl Privileges {
    /// Gives up what serving does not need, for good, in the order in which it is possible: what is
    /// to be loaded, with `beat` called meanwhile; the user, while this process may still change
    /// it; then the rest.
    ///
    /// # Errors
    /// A sentence, with what could not be done.
    // ANCHOR: give_up
    pub(super) fn give_up(&self, beat: impl Fn()) -> Result<(), String> {
        if self.preload_after_mib > 0 {
            let mib = self.preload_after_mib as usize;
            // It lives as long as the process.
            std::mem::forget(Preload::touch(mib, beat)?);
        }
        if let Some(identity) = &self.identity {
            identity
                .assume()
                .map_err(|error| format!("user: {}", plain(&error)))?;
        }
        match &self.sandbox {
            Some(sandbox) => sandbox.enter(),
            None => sandbox::forgo_privileges(),
        }
    }
    // ANCHOR_END: give_up
}
