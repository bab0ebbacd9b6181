//! The options of `servers run` that concern the machine rather than the clients: configuration
//! file, pidfile, user, sandbox, preload.

use std::path::PathBuf;

use super::config::Origins;
use crate::models::Model;
use crate::service::{Identity, Pidfile, Preload, Refused, Sandbox};
use crate::service::{inherited, sandbox};
use crate::site::Root;
use crate::sys::core_dumps;
use crate::sys::errors::plain;

/// Options of a service, as its machine's administrator sees it.
#[derive(clap::Args)]
#[command(next_help_heading = "The service")]
pub(super) struct ServiceArgs {
    /// Read options from a TOML file, by their long names; the command line wins. SIGHUP reads the
    /// file again.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Check all options, also those of the file, and exit.
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

    /// Confine every process that serves: it can only open files below --root, and only to read
    /// them; it runs no program and opens no connection. Chapter 19 of the book lists the rest.
    #[arg(long)]
    pub(super) sandbox: bool,

    /// Let a process that serves leave a core dump, also after --user has changed its user: raises
    /// its limit on the size of the dump as far as it may. Other processes of that user may then
    /// trace it and read its memory.
    #[arg(long)]
    core_dumps: bool,

    /// Memory to fill at the start, in place of an application that has to be loaded.
    #[arg(long, value_name = "MIB", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=65_536))]
    preload: u32,

    /// Fill it before the workers are forked, so that they share it, or after, in each of them.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = When::Before)]
    preload_when: When,
}

/// Before or after the fork.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum When {
    /// Once for all
    Before,
    /// In each worker
    After,
}

/// What a process does before it serves. All names are looked up already, so that little can fail.
pub(super) struct Privileges {
    identity: Option<Identity>,
    sandbox: Option<Sandbox>,
    core_dumps: bool,
    preload_after_mib: u32,
}

impl ServiceArgs {
    /// Looks up user and group, and checks whether the kernel has the sandbox.
    ///
    /// # Errors
    /// There is no such user, or this process may not become it; the kernel has no sandbox.
    pub(super) fn rights(
        &self,
        root: Option<&Root>,
        model: &Model,
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
            sandbox = Some(Sandbox {
                root,
                uring: model.needs_io_uring,
                forks: model.has_children() && !model.has_master(),
            });
        }
        let preload_after_mib = match self.preload_when {
            When::After => self.preload,
            When::Before => 0,
        };
        Ok(Privileges {
            identity,
            sandbox,
            core_dumps: self.core_dumps,
            preload_after_mib,
        })
    }

    /// Whether each worker preloads, which only the workers of a master can do.
    pub(super) fn preloads_in_workers(&self) -> bool {
        self.preload > 0 && self.preload_when == When::After
    }

    /// Begins to fill the memory that the workers share. `None` if there are so many MiB already,
    /// after a reload without a change.
    ///
    /// # Errors
    /// The machine has not enough memory.
    pub(super) fn preload_before(&self, loaded_mib: usize) -> anyhow::Result<Option<Preload>> {
        let wanted_mib = match self.preload_when {
            When::Before => self.preload as usize,
            When::After => 0,
        };
        if loaded_mib == wanted_mib {
            return Ok(None);
        }
        let begun = Preload::begin(wanted_mib).map_err(anyhow::Error::msg)?;
        Ok(Some(begun))
    }

    /// Writes this process's ID to --pidfile.
    ///
    /// # Errors
    /// Another server has the file, or it cannot be written.
    pub(super) fn take_pidfile(&self) -> anyhow::Result<Option<Pidfile>> {
        let Some(path) = &self.pidfile else {
            return Ok(None);
        };
        let taken = Pidfile::take(path, inherited::predecessor()).map_err(|error| {
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
    /// Drops for good what serving does not need. The order matters: preload first, calling `beat`
    /// meanwhile; then the change of user, while it is still permitted; then the sandbox.
    ///
    /// # Errors
    /// A sentence that names what failed.
    // ANCHOR: give_up
    pub(super) fn give_up(&self, beat: impl Fn()) -> Result<(), String> {
        if self.preload_after_mib > 0 {
            let mib = self.preload_after_mib as usize;
            // It stays until the process ends.
            let mut preload = Preload::begin(mib)?;
            preload.touch_all(beat);
            std::mem::forget(preload);
        }
        if self.core_dumps {
            // Only root may raise the hard limit.
            core_dumps::raise_limit();
        }
        if let Some(identity) = &self.identity {
            identity
                .assume()
                .map_err(|error| format!("user: {}", plain(&error)))?;
        }
        if self.core_dumps {
            // The change of user has forbidden it.
            core_dumps::allow().map_err(|error| error.to_string())?;
        }
        match &self.sandbox {
            Some(sandbox) => sandbox.enter(),
            None => sandbox::forgo_privileges(),
        }
    }
    // ANCHOR_END: give_up
}
