//! Servers with a low limit of processes.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use nix::unistd::{Uid, getuid};

use super::server::BINARY;

/// A launcher under which the server may have this many processes and threads (`limit` as
/// `prlimit(1)` takes it), and the directory of the copy of the binary that it starts.
///
/// RLIMIT_NPROC counts all processes of a user and does not bind root (`setrlimit(2)`). So the test
/// needs root, to become a user without processes. That user may not be able to read the build
/// directory. Each test needs another user, so that no test counts another's processes: [`user`].
pub(crate) fn few_processes(limit: &str, user: u32) -> Option<(Command, tempfile::TempDir)> {
    if !getuid().is_root() {
        eprintln!("skipped: only root can become a user that has no other processes");
        return None;
    }
    let user = Uid::from_raw(user).to_string();
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let copy = place.path().join("servers");
    // By another process: a child that another test is just starting would inherit a descriptor
    // that this one has open for writing, and the file could not be executed (ETXTBSY).
    let copied = Command::new("cp").arg(BINARY).arg(&copy).status().unwrap();
    assert!(copied.success());
    let mut launcher = Command::new("prlimit");
    launcher.arg(format!("--nproc={limit}"));
    launcher.args(["setpriv", "--reuid", &user, "--regid", &user]);
    launcher.arg("--clear-groups").arg(copy);
    Some((launcher, place))
}

/// A user ID that no other test (`number` below a thousand) and no other run of the tests uses, and
/// probably no user of this machine.
pub(crate) fn user(number: u32) -> u32 {
    1_000_000 + std::process::id() * 1_000 + number % 1_000
}
