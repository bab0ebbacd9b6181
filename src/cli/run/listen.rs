//! The listener of a server: inherited from a service manager or a predecessor, or a new one.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use super::Args;
use super::kept::say_kept;
use super::settings::Settings;
use super::values::Bind;
use crate::accept::Listener;
use crate::service::{Predecessor, SocketAccess, SocketFile, inherited};
use crate::sys::address::Address;
use crate::sys::errors::plain;
use crate::sys::net;
use crate::sys::patience::write_within;

/// What a server listens with.
pub(super) struct Listening {
    pub(super) listener: Listener,
    /// The master that this one replaces, if the listener was inherited from one.
    pub(super) predecessor: Option<Predecessor>,
    /// The files of Unix sockets that belong to this server. A service manager removes its own.
    pub(super) socket_files: Vec<PathBuf>,
}

impl Settings<'_> {
    /// A listener: an inherited one or, usually, a new one.
    pub(super) fn listen(&self) -> anyhow::Result<Listening> {
        let Args { bind, model, .. } = &self.args;
        let inherited = inherited::take().context("cannot take over what was inherited")?;
        let Some(inherited) = inherited else {
            let access = self.args.socket_access()?;
            let listener = bind_all(bind, access, self.args.backlog);
            let listener = listener.map_err(|error| self.args.origins.blame(&["bind"], error))?;
            return Ok(Listening {
                socket_files: self.socket_files(),
                predecessor: None,
                listener,
            });
        };
        let predecessor = inherited.predecessor;
        if predecessor
            .as_ref()
            .is_some_and(|it| it.model != model.name)
        {
            anyhow::bail!("{} cannot replace another model", model.name);
        }
        let sockets = inherited.listeners.into_iter().map(Listener::adopt);
        let listener = self.arrange(sockets.collect::<io::Result<_>>()?)?;
        let mut socket_files = Vec::new();
        if predecessor.is_some() {
            self.say_what_stays(&listener)?;
            socket_files = self.socket_files();
        }
        Ok(Listening {
            listener,
            predecessor,
            socket_files,
        })
    }

    fn socket_files(&self) -> Vec<PathBuf> {
        let paths = self.args.bind.iter().filter_map(|bind| match bind {
            Bind::Unix(path) => Some(path.clone()),
            Bind::Tcp(_) => None,
        });
        paths.collect()
    }

    /// Makes one listener of the sockets that were handed over. Where each worker has accept queues
    /// of its own, it is the first worker's, and those of the others are its siblings.
    fn arrange(&self, sockets: Vec<Listener>) -> anyhow::Result<Listener> {
        let mut workers = match self.accept.has_queue_per_worker {
            true => self.one_each(sockets)?,
            false => sockets,
        };
        let first = workers.remove(0);
        Ok(match self.accept.has_queue_per_worker {
            true => first.with(workers),
            false => first.join(workers),
        })
    }

    /// A listener for each worker, with one of the sockets at each address.
    fn one_each(&self, sockets: Vec<Listener>) -> anyhow::Result<Vec<Listener>> {
        let mut by_address: Vec<(Address, Vec<Listener>)> = Vec::new();
        for socket in sockets {
            let Some(address) = socket.addresses().next().cloned() else {
                continue;
            };
            if address.tcp().is_none() {
                let strategy = self.accept.name;
                anyhow::bail!("{address} was handed over, and --accept {strategy} needs a port");
            }
            match by_address.iter_mut().find(|(it, _)| *it == address) {
                Some((_, all)) => all.push(socket),
                None => by_address.push((address, vec![socket])),
            }
        }
        let counts: Vec<usize> = by_address.iter().map(|(_, all)| all.len()).collect();
        let count = counts.first().copied().unwrap_or(0);
        if counts.iter().any(|it| *it != count) {
            anyhow::bail!("as many listeners have to be handed over for each address");
        }
        // Clients of a listener without a worker would wait for ever.
        let most = self.args.pool.workers();
        if count > most {
            anyhow::bail!("{count} listeners were handed over, and this server has {most}");
        }
        let mut columns: Vec<_> = by_address
            .into_iter()
            .map(|(_, it)| it.into_iter())
            .collect();
        let row = |_| {
            let mut sockets = columns.iter_mut().filter_map(Iterator::next);
            sockets.next().map(|first| first.join(sockets))
        };
        Ok((0..count).filter_map(row).collect())
    }

    /// An inherited listener keeps its addresses and backlog; a configuration that differs is
    /// logged.
    fn say_what_stays(&self, inherited: &Listener) -> io::Result<()> {
        let Args { bind, backlog, .. } = &self.args;
        let addresses: Vec<&Address> = inherited.addresses().collect();
        let is_same = |(bind, address): (&Bind, &&Address)| bind.allows(address);
        if bind.len() != addresses.len() || !bind.iter().zip(&addresses).all(is_same) {
            say_kept("upgrade", "bind");
        }
        // The kernel tells the limit of TCP sockets only.
        let is_tcp = addresses.first().is_some_and(|it| it.tcp().is_some());
        if is_tcp && inherited.queue_limit()? != net::queue_limit_of(*backlog) {
            say_kept("upgrade", "backlog");
        }
        Ok(())
    }
}

/// How long the first line may wait for a reader of standard output.
const ANNOUNCE_TIME_MAX: Duration = Duration::from_secs(1);

/// The first lines of standard output, one for each address: scripts wait for them. Clients do not,
/// so a pipe that no process reads holds up the server for a moment only.
pub(super) fn announce(addresses: &[Address], status: Option<&Address>) -> io::Result<()> {
    let lines = addresses
        .iter()
        .map(|it| format!("listening on {}\n", it.url()));
    let status = status.map(|it| format!("status on {}/status\n", it.url()));
    let lines = lines.chain(status).collect::<String>();
    match write_within(&io::stdout(), lines.as_bytes(), ANNOUNCE_TIME_MAX) {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            crate::log_warn!("standard output is full and no process reads it; it lacks: {lines}");
            Ok(())
        }
        written => written,
    }
}

/// Listens at all addresses, or at none.
fn bind_all<'b>(binds: &'b [Bind], access: SocketAccess, backlog: i32) -> anyhow::Result<Listener> {
    let mut made: Vec<&'b Path> = Vec::new();
    let listen = |bind: &'b Bind| match bind {
        Bind::Tcp(addresses) => bind_first(addresses, backlog),
        Bind::Unix(path) => {
            let listener = bind_unix(path, access, backlog)?;
            made.push(path);
            Ok(listener)
        }
    };
    let listeners: anyhow::Result<Vec<Listener>> = binds.iter().map(listen).collect();
    match listeners {
        Ok(mut listeners) => {
            let first = listeners.remove(0);
            Ok(first.join(listeners))
        }
        Err(error) => {
            for path in made {
                let _ = std::fs::remove_file(path);
            }
            Err(error)
        }
    }
}

fn bind_unix(path: &Path, access: SocketAccess, backlog: i32) -> anyhow::Result<Listener> {
    let socket = SocketFile::listen(path, access, backlog).and_then(Listener::adopt);
    socket.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => "; another server listens there: choose another path",
            io::ErrorKind::NotFound => "; its directory has to be there",
            _ => "",
        };
        let why = match error.kind() {
            io::ErrorKind::AddrInUse => "address in use".to_owned(),
            _ => plain(&error),
        };
        anyhow::anyhow!("cannot listen on unix:{}: {why}{hint}", path.display())
    })
}

fn bind_first(addresses: &[SocketAddr], backlog: i32) -> anyhow::Result<Listener> {
    bind_first_by(addresses, "--bind", |it| Listener::bind(it, backlog))
}

/// Listens on the first of the addresses of an option where that works. The error is that of the
/// first.
pub(super) fn bind_first_by(
    addresses: &[SocketAddr],
    option: &str,
    listen: impl Fn(SocketAddr) -> io::Result<Listener>,
) -> anyhow::Result<Listener> {
    let mut first = None;
    for &address in addresses {
        match listen(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => drop(first.get_or_insert((address, error))),
        }
    }
    let Some((address, error)) = first else {
        anyhow::bail!("the name in {option} has no address");
    };
    Err(explain_bind(address, option, error))
}

/// The error, with what to do about the usual reasons.
fn explain_bind(address: SocketAddr, option: &str, error: io::Error) -> anyhow::Error {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("; another server has this port: choose one with {option}")
        }
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need privileges: choose another".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address".to_owned(),
        _ => String::new(),
    };
    anyhow::anyhow!("cannot listen on {address}: {}{hint}", plain(&error))
}
