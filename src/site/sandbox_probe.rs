//! What somebody who has taken over a worker would try: only with `--lab`, to see what comes of it.

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

/// An intruder's wishes, none of which does any harm.
const WISHES: &[(&str, Attempt)] = &[
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

/// `GET /sandbox-probe`: tries each of them, and tells how it went.
pub(super) fn run(_: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    let tell = |(wish, attempt): &(&str, Attempt)| match attempt() {
        Ok(()) => format!("{wish}: yes\n"),
        Err(error) => format!("{wish}: no, {}\n", plain(&error)),
    };
    Response::text(Status::OK, WISHES.iter().map(tell).collect::<String>())
}

fn read() -> io::Result<()> {
    File::open("/etc/passwd").map(drop)
}

fn write() -> io::Result<()> {
    OpenOptions::new().append(true).open("/dev/null").map(drop)
}

fn change_rights() -> io::Result<()> {
    // The file of this program, and its rights as they are.
    let program = env::current_exe()?;
    fs::set_permissions(&program, fs::metadata(&program)?.permissions())
}

fn execute() -> io::Result<()> {
    // It shares the standard streams, lest it fail for want of /dev/null, and says nothing.
    Command::new("/bin/true").env_clear().status().map(drop)
}

fn connect() -> io::Result<()> {
    // Nobody is there; to be refused by that machine is to have reached it.
    match TcpStream::connect("127.0.0.1:1") {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        other => other.map(drop),
    }
}

fn signal() -> io::Result<()> {
    // No signal: only whether one could be sent.
    Ok(kill(getppid(), None)?)
}

fn hold_up() -> io::Result<()> {
    // The processors that it has already.
    Ok(sched_setaffinity(
        getppid(),
        &sched_getaffinity(getppid())?,
    )?)
}

fn move_out() -> io::Result<()> {
    // With no flag nothing is left behind: only whether the call can be made.
    Ok(unshare(CloneFlags::empty())?)
}

fn become_root() -> io::Result<()> {
    match Uid::effective().is_root() {
        true => Ok(()),
        false => seteuid(Uid::from_raw(0)).map_err(|_| Errno::EPERM.into()),
    }
}
