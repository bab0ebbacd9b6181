//! Notifications to the service manager, as `sd_notify(3)` sends them. Without NOTIFY_SOCKET in the
//! environment there is no manager, and nothing is sent.

use std::env;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::sys::clock;
use crate::sys::outage::Outage;

/// The address of the manager's socket: a path, or `@` and an abstract name.
const VARIABLE: &str = "NOTIFY_SOCKET";
/// How long a notification may block if the manager does not read. The master has other work.
const SEND_TIMEOUT: Duration = Duration::from_millis(250);

/// The manager takes no notification. The watchdog sends several a minute.
static UNREACHABLE: Outage = Outage::new("service manager");

/// Connected to the manager; `None` without a manager and in workers.
static SOCKET: Mutex<Option<UnixDatagram>> = Mutex::new(None);

/// Connects to the manager, if there is one. To be called early: a process in a sandbox can open no
/// socket.
pub fn open() {
    let Some(name) = env::var_os(VARIABLE) else {
        return;
    };
    match connect(&name) {
        Ok(opened) => *socket() = Some(opened),
        Err(error) => crate::log_warn!("cannot reach the service manager: {error}"),
    }
}

/// Closes the socket in a worker. A client that has taken the worker over could send the manager
/// anything.
pub fn close() {
    drop(socket().take());
}

fn connect(name: &OsStr) -> io::Result<UnixDatagram> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    // Close-on-exec, like every descriptor: a successor opens its own.
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_write_timeout(Some(SEND_TIMEOUT))?;
    Ok(socket)
}

/// Whether this process notifies a manager.
pub fn is_there() -> bool {
    socket().is_some()
}

/// The service is ready. `systemctl status` shows the status.
pub fn ready(status: &str) {
    tell(&format!("READY=1\n{}", about(status)));
}

/// A reload has begun; [`ready`] ends it. The time tells the manager whether the notification is
/// younger than its own request (`systemd.service(5)`, `Type=notify-reload`).
pub fn reloading(status: &str) {
    let now_us = clock::monotonic_us();
    let status = about(status);
    tell(&format!("RELOADING=1\nMONOTONIC_USEC={now_us}\n{status}"));
}

/// The service stops.
pub fn stopping() {
    tell("STOPPING=1");
}

/// Another process is the main process of the service from now on.
pub fn handed_over_to(pid: u32) {
    tell(&format!("MAINPID={pid}"));
}

/// The master is alive. To be sent at least every [`watchdog`].
pub fn alive() {
    tell("WATCHDOG=1");
}

/// How often to send [`alive`]: half the time after which the manager restarts the service, as
/// `sd_watchdog_enabled(3)` advises.
pub fn watchdog() -> Option<Duration> {
    // The variables may have been inherited from the process that they were meant for.
    let is_meant = |pid: String| pid.parse() == Ok(std::process::id());
    if !env::var("WATCHDOG_PID").map_or(true, is_meant) {
        return None;
    }
    let limit_us: u64 = env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    (limit_us > 0).then(|| Duration::from_micros(limit_us) / 2)
}

/// A field of a notification is one line.
fn about(status: &str) -> String {
    format!("STATUS={}", status.replace('\n', " "))
}

fn tell(message: &str) {
    let mut current = socket();
    let Some(socket) = &*current else {
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
        // The manager was restarted, and has another socket at the same address.
        sent = anew.send(message.as_bytes());
        *current = Some(anew);
    }
    match sent {
        Ok(_) => UNREACHABLE.worked(),
        Err(error) => UNREACHABLE.failed(error),
    }
}

fn socket() -> MutexGuard<'static, Option<UnixDatagram>> {
    SOCKET.lock().unwrap_or_else(PoisonError::into_inner)
}
