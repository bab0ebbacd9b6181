//! The listener of a server: inherited from a service manager or a predecessor, or a new one.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;

use super::Args;
use super::kept::say_kept;
use super::settings::Settings;
use crate::accept::Listener;
use crate::service::{Predecessor, inherited};
use crate::sys::errors::plain;
use crate::sys::net;
use crate::sys::patience::write_within;

impl Settings<'_> {
    /// A listener: an inherited one or, usually, a new one. Also the master that this one replaces,
    /// if the listener was inherited from one.
    pub(super) fn listen(&self) -> anyhow::Result<(Listener, Option<Predecessor>)> {
        let Args {
            bind,
            backlog,
            model,
            ..
        } = &self.args;
        let inherited = inherited::take().context("cannot take over what was inherited")?;
        let Some(inherited) = inherited else {
            let listener = bind_first(&bind.0, *backlog);
            let listener = listener.map_err(|error| self.args.origins.blame(&["bind"], error))?;
            return Ok((listener, None));
        };
        let predecessor = inherited.predecessor;
        if predecessor
            .as_ref()
            .is_some_and(|it| it.model != model.name)
        {
            anyhow::bail!("{} cannot replace another model", model.name);
        }
        let sockets = inherited.listeners.into_iter().map(Listener::adopt);
        let mut listeners = sockets.collect::<io::Result<Vec<_>>>()?;
        let most = match self.accept.has_queue_per_worker {
            // Clients of a listener without a worker would wait for ever.
            true => self.args.pool.workers(),
            false => 1,
        };
        if listeners.len() > most {
            let count = listeners.len();
            anyhow::bail!("{count} listeners were handed over, and this server has {most}");
        }
        let first = listeners.remove(0);
        for other in &listeners {
            let (one, other) = (first.address()?, other.address()?);
            if one != other {
                anyhow::bail!("{one} and {other} were handed over, and this server has one port");
            }
        }
        if predecessor.is_some() {
            self.say_what_stays(&first)?;
        }
        Ok((first.with(listeners), predecessor))
    }

    /// An inherited listener keeps its address and backlog; a configuration that differs is logged.
    fn say_what_stays(&self, inherited: &Listener) -> io::Result<()> {
        let Args { bind, backlog, .. } = &self.args;
        let address = inherited.address()?;
        // Port 0 is any.
        let is_same = |bind: &SocketAddr| {
            bind.ip() == address.ip() && (bind.port() == 0 || bind.port() == address.port())
        };
        if !bind.0.iter().any(is_same) {
            say_kept("upgrade", "bind");
        }
        if inherited.queue_limit()? != net::queue_limit_of(*backlog) {
            say_kept("upgrade", "backlog");
        }
        Ok(())
    }
}

/// How long the first line may wait for a reader of standard output.
const ANNOUNCE_TIME_MAX: Duration = Duration::from_secs(1);

/// The first line of standard output: scripts wait for it. Clients do not, so a pipe that no
/// process reads holds up the server for a moment only.
pub(super) fn announce(listener: &Listener) -> io::Result<()> {
    let line = format!("listening on http://{}\n", listener.address()?);
    match write_within(&io::stdout(), line.as_bytes(), ANNOUNCE_TIME_MAX) {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            crate::log!("standard output is full and no process reads it; it lacks: {line}");
            Ok(())
        }
        written => written,
    }
}

/// Listens on the first of the addresses where that works. The error is that of the first.
fn bind_first(addresses: &[SocketAddr], backlog: i32) -> anyhow::Result<Listener> {
    let mut first = None;
    for &address in addresses {
        match Listener::bind(address, backlog) {
            Ok(listener) => return Ok(listener),
            Err(error) => drop(first.get_or_insert((address, error))),
        }
    }
    let Some((address, error)) = first else {
        anyhow::bail!("the name in --bind has no address");
    };
    Err(explain_bind(address, error))
}

/// The error, with what to do about the usual reasons.
fn explain_bind(address: SocketAddr, error: io::Error) -> anyhow::Error {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => "; another server has this port: choose one with --bind",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need privileges: choose another",
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
        _ => "",
    };
    anyhow::anyhow!("cannot listen on {address}: {}{hint}", plain(&error))
}
