//! A successor: the same command, run from the program that is on the disk *now*, with the
//! listeners of this process. Until one of the two leaves, both serve.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::unistd::{Pid, getppid};

use super::{
    ControlCommand, Outcomes, Pidfile, Predecessor, SocketFile, UpgradeChannel, inherited,
};
use crate::sys::inherit::{self, Exec};

/// What a master needs to start its successor, and what it has got from its predecessor.
pub struct Succession {
    model: &'static str,
    /// Found when this process began, since its working directory may change.
    program: PathBuf,
    pidfile: Mutex<Option<Pidfile>>,
    /// The files of the Unix sockets among the listeners.
    sockets: Mutex<Vec<SocketFile>>,
    /// A successor was started and has not ended: it has the same sockets.
    has_successor: AtomicBool,
    /// The master that has started this process in order to be replaced by it.
    predecessor: Option<Predecessor>,
    /// What has come of reloads and upgrades. `None` where there was no memory for it.
    outcomes: Option<Outcomes>,
}

impl Succession {
    /// `predecessor` is `None` unless this process was started by an upgrade.
    pub fn new(
        model: &'static str,
        pidfile: Option<Pidfile>,
        predecessor: Option<Predecessor>,
    ) -> Self {
        let name = env::args_os().next().unwrap_or_default();
        Self {
            model,
            program: find_program(&name),
            pidfile: Mutex::new(pidfile),
            sockets: Mutex::default(),
            has_successor: AtomicBool::new(false),
            predecessor,
            outcomes: Outcomes::create().ok(),
        }
    }

    /// An operator has asked for this.
    pub fn begin_command(&self, command: ControlCommand) {
        if let Some(outcomes) = &self.outcomes {
            outcomes.begin(command);
        }
    }

    /// What has come of it, for `servers ctl`; see [`Outcomes::end`].
    pub fn end_command(&self, command: ControlCommand, result: Result<&str, &str>) {
        if let Some(outcomes) = &self.outcomes {
            outcomes.end(command, result);
        }
    }

    /// The same with the files of Unix sockets, which are removed at the end.
    pub fn with(self, sockets: Vec<SocketFile>) -> Self {
        Self {
            sockets: Mutex::new(sockets),
            ..self
        }
    }

    /// Starts the successor, which says on the channel when it serves. Whether the program could be
    /// started at all is known only later. The caller reaps it.
    ///
    /// # Errors
    /// There is no process for it, and nothing has changed.
    pub fn start(&self, listeners: &[BorrowedFd<'_>]) -> io::Result<(Pid, UpgradeChannel, Exec)> {
        let (channel, successors) = UpgradeChannel::open()?;
        let successors = successors.as_fd();
        let value = inherited::describe(self.model, successors, listeners)?;
        let handed_down = std::iter::once(successors).chain(listeners.iter().copied());
        let descriptors: Vec<RawFd> = handed_down.map(|it| it.as_raw_fd()).collect();
        // These variables were meant for this process.
        const OWN: [&str; 5] = [
            "LISTEN_PID",
            "LISTEN_FDS",
            "LISTEN_FDNAMES",
            "WATCHDOG_PID",
            inherited::VARIABLE,
        ];
        let kept = env::vars_os().filter(|(name, _)| !OWN.iter().any(|own| name == own));
        let environment = kept.chain([(inherited::VARIABLE.into(), value.into())]);
        let (successor, exec) = inherit::start(
            &self.program,
            env::args_os().collect(),
            environment.collect(),
            &descriptors,
        )?;
        self.has_successor.store(true, Relaxed);
        Ok((successor, channel, exec))
    }

    /// To be called when the successor has ended and this process stays: takes the pidfile back.
    pub fn failed(&self) {
        self.has_successor.store(false, Relaxed);
        if let Some(pidfile) = self.pidfile().as_mut()
            && let Err(error) = pidfile.put_back()
        {
            // Serving matters more than the file, so that this is not fatal.
            crate::log_warn!("pidfile: {error}");
        }
    }

    /// To be called when this process ends: says how, removes its pidfile and, unless another
    /// master listens there, the files of its sockets.
    pub fn end(&self, is_in_order: bool) {
        if let Some(outcomes) = &self.outcomes {
            outcomes.end_server(is_in_order);
        }
        drop(self.pidfile().take());
        let sockets = std::mem::take(&mut *lock(&self.sockets));
        if self.has_successor.load(Relaxed) || self.predecessor().is_some() {
            std::mem::forget(sockets);
        }
    }

    /// The master that this one is to replace, while it lives. When a parent dies, another process
    /// becomes the parent of its children, so that the two IDs differ.
    pub fn predecessor(&self) -> Option<&Predecessor> {
        let predecessor = self.predecessor.as_ref();
        predecessor.filter(|it| it.pid == getppid())
    }

    /// The name in `servers list`.
    pub fn model(&self) -> &'static str {
        self.model
    }

    /// Where the program is looked for.
    pub fn program(&self) -> &Path {
        &self.program
    }

    fn pidfile(&self) -> MutexGuard<'_, Option<Pidfile>> {
        lock(&self.pidfile)
    }
}

/// No code panics while it holds one of these locks.
fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The program that `name` stood for on the command line, as the shell found it. Symbolic links in
/// its path are kept: after `current -> release-2` was changed, an upgrade starts the new release.
/// `/proc/self/exe` would lead to the old one.
fn find_program(name: &OsStr) -> PathBuf {
    found_as_named(name)
        .or_else(|| env::current_exe().ok())
        .unwrap_or_else(|| name.into())
}

fn found_as_named(name: &OsStr) -> Option<PathBuf> {
    match Path::new(name).components().count() {
        0 | 1 => search_path(name, env::var_os("PATH")),
        _ => Some(working_directory()?.join(name)),
    }
}

/// The working directory by the name that the shell knows it by: with the links that the user has
/// followed, if they still lead there.
fn working_directory() -> Option<PathBuf> {
    let physical = env::current_dir().ok();
    let logical = env::var_os("PWD").map(PathBuf::from);
    let logical = logical.filter(|it| it.is_absolute() && is_here(it).unwrap_or(false));
    logical.or(physical)
}

fn is_here(path: &Path) -> io::Result<bool> {
    let (named, here) = (fs::metadata(path)?, fs::metadata(".")?);
    Ok((named.dev(), named.ino()) == (here.dev(), here.ino()))
}

fn search_path(name: &OsStr, path: Option<OsString>) -> Option<PathBuf> {
    let directories = path?;
    let candidates = env::split_paths(&directories).map(|directory| directory.join(name));
    let mut programs =
        candidates.filter_map(|candidate| Some(working_directory()?.join(candidate)));
    programs.find(|candidate| {
        let metadata = fs::metadata(candidate);
        metadata.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_as_the_shell_finds_it() {
        assert_eq!(find_program(OsStr::new("/a/b")), Path::new("/a/b"));
        let relative = find_program(OsStr::new("./b"));
        assert_eq!(relative, working_directory().unwrap().join("./b"));
        let shell = find_program(OsStr::new("sh"));
        assert!(shell.is_absolute() && shell.ends_with("sh"));
        let nowhere = find_program(OsStr::new("no such program"));
        assert_eq!(nowhere, env::current_exe().unwrap());
    }
}
