//! Servers that may have little.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use nix::unistd::{Uid, getuid};

use super::server::BINARY;

/// A launcher under which the server may have so many processes and threads (`limit` is what
/// `prlimit(1)` takes), and the place of the copy of the binary that it starts.
///
/// RLIMIT_NPROC counts all processes of a user and does not bind root (`setrlimit(2)`). So it takes
/// root to become a user who has no processes, and who may not be able to read the build directory.
/// Each test needs a user of its own, lest they count each other's processes.
pub(crate) fn few_processes(limit: &str, user: u32) -> Option<(Command, tempfile::TempDir)> {
    if !getuid().is_root() {
        eprintln!("skipped: only root can become a user that has no other processes");
        return None;
    }
    let user = Uid::from_raw(user).to_string();
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let copy = place.path().join("servers");
    std::fs::copy(BINARY, &copy).unwrap();
    let mut launcher = Command::new("prlimit");
    launcher.arg(format!("--nproc={limit}"));
    launcher.args(["setpriv", "--reuid", &user, "--regid", &user]);
    launcher.arg("--clear-groups").arg(copy);
    Some((launcher, place))
}
