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
/// Each test needs a user of its own, lest they count each other's processes: see [`user`].
pub(crate) fn few_processes(limit: &str, user: u32) -> Option<(Command, tempfile::TempDir)> {
    if !getuid().is_root() {
        eprintln!("skipped: only root can become a user that has no other processes");
        return None;
    }
    let user = Uid::from_raw(user).to_string();
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let copy = place.path().join("servers");
    // By another process: what this one has open for writing, a child that another test is just
    // starting has open as well, and nobody could execute it (ETXTBSY).
    let copied = Command::new("cp").arg(BINARY).arg(&copy).status().unwrap();
    assert!(copied.success());
    let mut launcher = Command::new("prlimit");
    launcher.arg(format!("--nproc={limit}"));
    launcher.args(["setpriv", "--reuid", &user, "--regid", &user]);
    launcher.arg("--clear-groups").arg(copy);
    Some((launcher, place))
}

/// A user whom nobody else is: not on this machine, it is to be hoped, and neither in another test
/// (`number` below a thousand) nor in another run of the tests.
pub(crate) fn user(number: u32) -> u32 {
    1_000_000 + std::process::id() * 1_000 + number % 1_000
}
