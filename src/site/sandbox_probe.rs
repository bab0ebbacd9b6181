//! Actions of an attacker who has taken over a worker, tried from inside: only with `--lab`. The
//! answer shows which of them the sandbox stops.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::TcpStream;
use std::process::Command;

use nix::errno::Errno;
use nix::sched::{CloneFlags, sched_getaffinity, sched_setaffinity, unshare};
use nix::sys::signal::kill;
use nix::unistd::{Uid, getppid, seteuid};

use super::Site;
use crate::http::{Request, Response, Status};
use crate::sys::errors::plain;

type Attempt = fn() -> io::Result<()>;

/// What an attacker would want. No attempt does any harm.
const ATTEMPTS: &[(&str, Attempt)] = &[
    ("read the password file", read),
    ("write a file", write),
    ("change the rights of a file", change_rights),
    ("run a program", execute),
    ("connect to another server", connect),
    ("send a signal to the parent", signal),
    ("choose the parent's processors", hold_up),
    ("move to a world of its own", move_out),
    ("be root", become_root),
];

/// `GET /sandbox-probe`: makes each attempt and lists the results.
pub(super) fn run(_: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    let line = |(name, attempt): &(&str, Attempt)| match attempt() {
        Ok(()) => format!("{name}: yes\n"),
        Err(error) => format!("{name}: no, {}\n", plain(&error)),
    };
    Response::text(Status::OK, ATTEMPTS.iter().map(line).collect::<String>())
}

fn read() -> io::Result<()> {
    File::open("/etc/passwd").map(drop)
}

fn write() -> io::Result<()> {
    OpenOptions::new().append(true).open("/dev/null").map(drop)
}

fn change_rights() -> io::Result<()> {
    // Sets the permissions that the file of this program has already.
    let program = env::current_exe()?;
    fs::set_permissions(&program, fs::metadata(&program)?.permissions())
}

fn execute() -> io::Result<()> {
    // The program inherits the standard streams, so the attempt does not depend on /dev/null.
    Command::new("/bin/true").env_clear().status().map(drop)
}

fn connect() -> io::Result<()> {
    // No server listens there. A refusal by the peer shows that the connection was allowed.
    match TcpStream::connect("127.0.0.1:1") {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        other => other.map(drop),
    }
}

fn signal() -> io::Result<()> {
    // Signal 0: the kernel only checks the permission.
    Ok(kill(getppid(), None)?)
}

fn hold_up() -> io::Result<()> {
    // Sets the processors that the parent has already.
    Ok(sched_setaffinity(
        getppid(),
        &sched_getaffinity(getppid())?,
    )?)
}

fn move_out() -> io::Result<()> {
    // Without a flag the call changes nothing; it only shows whether it is allowed.
    Ok(unshare(CloneFlags::empty())?)
}

fn become_root() -> io::Result<()> {
    match Uid::effective().is_root() {
        true => Ok(()),
        false => seteuid(Uid::from_raw(0)).map_err(|_| Errno::EPERM.into()),
    }
}
