//! `--status-bind`: the status at an address of its own, in a process of its own.

use std::net::SocketAddr;
use std::time::Duration;

use super::Args;
use super::listen::bind_first_by;
use super::settings::{Settings, lock};
use super::values::Bind;
use crate::accept::Listener;
use crate::http::Limits;
use crate::models;
use crate::scoreboard::{SLOTS_MAX, Scoreboard, slot};
use crate::server::{Configuration, Lifetime, Server};
use crate::site::{OpenTo, Site, StatusPages};
use crate::sys::address::Address;
use crate::sys::reuseport;

/// Clients of the status at a time: several monitors, some of which keep their connections.
const CONNECTIONS_MAX: usize = 64;
/// A monitor asks in one go.
const HEAD_TIME: Duration = Duration::from_secs(5);

impl Args {
    /// The pages of that address, if there is one.
    pub(super) fn status_site<'g>(&self, scoreboard: &'g Scoreboard) -> Option<Site<'g>> {
        let Some(Bind::Tcp(addresses)) = &self.status_bind else {
            return None;
        };
        let is_loopback = addresses.iter().all(|it| it.ip().is_loopback());
        Some(Site {
            status: Some(StatusPages {
                source: self.status_source(scoreboard),
                open_to: match is_loopback {
                    true => OpenTo::Named,
                    false => OpenTo::Anyone,
                },
            }),
            is_status_only: true,
            scoreboard: Some(scoreboard),
            ..Site::default()
        })
    }
}

impl Settings<'_> {
    /// Listens for the status, if that is asked for. The address is printed behind the others.
    pub(super) fn listen_for_status(&self, is_successor: bool) -> anyhow::Result<()> {
        let Some(Bind::Tcp(addresses)) = &self.args.status_bind else {
            return Ok(());
        };
        let listen = |address: SocketAddr| {
            let socket = reuseport::listen_for_upgrade(address, is_successor)?;
            Listener::adopt(socket)
        };
        let listener = bind_first_by(addresses, "--status-bind", listen);
        let listener =
            listener.map_err(|error| self.args.origins.blame(&["status-bind"], error))?;
        *lock(&self.process.status_listener) = Some(listener);
        Ok(())
    }

    /// Where the status is, with the port that was picked.
    pub(super) fn status_address(&self) -> Option<Address> {
        let listener = lock(&self.process.status_listener);
        listener.as_ref()?.addresses().next().cloned()
    }

    /// The whole life of the process that serves the status.
    pub(super) fn serve_status_alone(&self) -> Result<(), String> {
        let listener = lock(&self.process.status_listener).take();
        let (Some(listener), Some(site)) = (listener, &self.status_site) else {
            return Err("it has no listener".to_owned());
        };
        self.drop_privileges()?;
        // It is none of the workers: it writes to a record that no reader shows.
        slot::set(SLOTS_MAX);
        let server = Server {
            handler: site,
            limits: Limits {
                head_time: HEAD_TIME,
                ..Limits::default()
            },
            connections_max: CONNECTIONS_MAX,
            lifetime: Lifetime::default(),
            slow: None,
            access: None,
            ..self.server()
        };
        models::serve_status(&server, listener).map_err(|error| error.to_string())
    }
}
