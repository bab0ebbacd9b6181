//! Word to the service manager: `sd_notify(3)`. Without one, that is without NOTIFY_SOCKET in the
//! environment, nothing is said.

use std::cell::Cell;
use std::env;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::sys::clock;

/// Where the manager listens: a path, or `@` and a name that is in no file system.
const VARIABLE: &str = "NOTIFY_SOCKET";
/// How long a word may wait for a manager that does not listen. A server has other things to do.
const PATIENCE: Duration = Duration::from_millis(250);

/// The way to the manager, as long as this process is one that has to tell it something.
static LINE: Mutex<Option<UnixDatagram>> = Mutex::new(None);

/// Opens the way to the manager, if there is one. To be called early: who is in a sandbox can open
/// no socket any more.
pub fn open() {
    let Some(name) = env::var_os(VARIABLE) else {
        return;
    };
    match connect(&name) {
        Ok(socket) => *line() = Some(socket),
        Err(error) => crate::log!("cannot reach the service manager: {error}"),
    }
}

/// Gives up the way to the manager: a worker has nothing to tell it, and whoever takes one over
/// could tell it anything.
pub fn close() {
    drop(line().take());
}

fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    // Close-on-exec, as every descriptor: a successor opens its own.
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Whether there is a manager to talk to.
pub fn is_there() -> bool {
    line().is_some()
}

/// Requests are answered from now on. The status is for people: `systemctl status` shows it.
pub fn ready(status: &str) {
    tell(&format!("READY=1\n{}", about(status)));
}

/// The configuration is being read again; [`ready`] ends it. The time is what tells the manager
/// which of several reloads is meant (`systemd.service(5)`, `Type=notify-reload`).
pub fn reloading(status: &str) {
    let now_us = clock::monotonic_us();
    let status = about(status);
    tell(&format!("RELOADING=1\nMONOTONIC_USEC={now_us}\n{status}"));
}

/// No request is begun any more.
pub fn stopping() {
    tell("STOPPING=1");
}

/// From now on another process is the service's main one.
pub fn handed_over_to(pid: u32) {
    tell(&format!("MAINPID={pid}"));
}

/// All is well. To be said at least every [`watchdog`].
pub fn alive() {
    tell("WATCHDOG=1");
}

/// Says that all is well when it is time for it, however often it is called: for whoever does one
/// thing for long.
pub fn alive_when_due() -> impl Fn() {
    let every = watchdog();
    let last = Cell::new(None::<Instant>);
    move || {
        if let Some(every) = every
            && last.get().is_none_or(|last| last.elapsed() >= every)
        {
            last.set(Some(Instant::now()));
            alive();
        }
    }
}

/// How often the manager wants to hear that all is well: half the time after which it restarts the
/// service, as `sd_watchdog_enabled(3)` advises.
pub fn watchdog() -> Option<Duration> {
    // What is meant for another process may have been inherited from it.
    let is_meant = |pid: String| pid.parse() == Ok(std::process::id());
    if !env::var("WATCHDOG_PID").map_or(true, is_meant) {
        return None;
    }
    let limit_us: u64 = env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    (limit_us > 0).then(|| Duration::from_micros(limit_us) / 2)
}

/// A field of a message ends with its line, so what has several becomes one.
fn about(status: &str) -> String {
    format!("STATUS={}", status.replace('\n', " "))
}

fn tell(message: &str) {
    let mut line = line();
    let Some(socket) = &*line else {
        return;
    };
    let mut sent = socket.send(message.as_bytes());
    if let Err(error) = &sent
        && matches!(
            error.kind(),
            ErrorKind::ConnectionRefused | ErrorKind::NotConnected
        )
        && let Some(name) = env::var_os(VARIABLE)
        && let Ok(anew) = connect(&name)
    {
        // The manager has been started anew, and listens at another socket of that name.
        sent = anew.send(message.as_bytes());
        *line = Some(anew);
    }
    if let Err(error) = sent {
        crate::log!("cannot tell the service manager: {error}");
    }
}

fn line() -> MutexGuard<'static, Option<UnixDatagram>> {
    LINE.lock().unwrap_or_else(PoisonError::into_inner)
}
