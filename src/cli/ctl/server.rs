//! The server that a pidfile names, if it is one.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;

use crate::models::{self, Model};
use crate::scoreboard::View;
use crate::service::OutcomesView;
use crate::sys::errors::plain;
use crate::sys::pidfd::PidFd;
use crate::sys::regular;

/// A server of this program that has a certain pidfile open.
pub(super) struct RunningServer {
    pid: u32,
    pub(super) model: &'static Model,
    /// Signals go to this process, even if it ends and another one gets its ID.
    pub(super) process: PidFd,
    pub(super) outcomes: OutcomesView,
}

impl RunningServer {
    /// The server that the file names.
    ///
    /// # Errors
    /// A sentence: there is no such file, it is left over from a server that has ended, or the
    /// process is none of ours.
    pub(super) fn find(pidfile: &Path) -> Result<Self, String> {
        let name = pidfile.display();
        let pid = read(pidfile).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("there is no --pidfile {name}: no server runs"),
            _ => format!("cannot read --pidfile {name}: {}", plain(&error)),
        })?;
        let process = PidFd::open(pid).map_err(|error| match error {
            Errno::ESRCH => format!("{name} is stale: there is no process {pid}"),
            other => format!("process {pid}: {}", other.desc().to_lowercase()),
        })?;
        let view = View::of_process(pid).map_err(|error| plain(&error))?;
        let facts = view.facts();
        let is_holder = holds(pid, pidfile);
        if facts.pid != pid || !is_holder {
            return Err(format!(
                "{name} is stale: process {pid} does not hold it, and gets no signal"
            ));
        }
        let outcomes = OutcomesView::of_process(pid).map_err(|error| plain(&error))?;
        // If it still runs, all of the above was about the process of the descriptor.
        match process.wait(Duration::ZERO) {
            Ok(false) => {}
            _ => return Err(format!("{name} is stale: process {pid} has ended")),
        }
        let model = models::find(&facts.model);
        let model = model.ok_or_else(|| format!("process {pid} has an unknown model"))?;
        Ok(Self {
            pid,
            model,
            process,
            outcomes,
        })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }
}

/// The ID in the file.
fn read(pidfile: &Path) -> io::Result<u32> {
    let mut options = File::options();
    let file = regular::open(options.read(true), libc::O_NOFOLLOW, pidfile)?;
    let text = io::read_to_string(file)?;
    let pid = text.trim().parse().ok().filter(|pid| *pid > 0);
    pid.ok_or_else(|| io::Error::other("there is no process ID in it"))
}

/// Whether the process has this very file open. A server keeps its pidfile open, and locked, as
/// long as it lives. The lock itself cannot be tested without holding it for a moment, and a server
/// that starts in that moment would be refused.
fn holds(pid: u32, pidfile: &Path) -> bool {
    let inode = |file: fs::Metadata| (file.dev(), file.ino());
    let Ok(wanted) = fs::symlink_metadata(pidfile).map(inode) else {
        return false;
    };
    let entries = fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten();
    let mut files = entries.filter_map(|entry| fs::metadata(entry.ok()?.path()).ok());
    files.any(|file| inode(file) == wanted)
}
