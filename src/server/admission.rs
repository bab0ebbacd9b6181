//! Which connections are served, in the models with a process or a thread for each of them.

use std::cell::RefCell;
use std::io;
use std::net::TcpStream;

use super::{Rejected, Server};
use crate::accept::Listener;
use crate::scoreboard::{Scoreboard, Slots};

/// Lets as many connections in as the limit permits, and answers 503 to the others.
pub struct Admission<'a> {
    connections_max: usize,
    slots: Slots,
    rejected: RefCell<Rejected<'a>>,
    scoreboard: &'a Scoreboard,
}

/// The place of one connection: it counts towards the limit and has a slot in the scoreboard. Both
/// are free again when the place is dropped.
pub struct Place<'a> {
    slot: usize,
    slots: &'a Slots,
    scoreboard: &'a Scoreboard,
}

impl<'a> Admission<'a> {
    /// No connection is served yet.
    pub fn new(server: &Server<'a>) -> Self {
        // The process or thread that accepts serves no client, so it needs no slot.
        server.scoreboard.vacate(0);
        Self {
            connections_max: server.connections_max,
            slots: Slots::default(),
            rejected: RefCell::new(Rejected::new(server.scoreboard)),
            scoreboard: server.scoreboard,
        }
    }

    /// The next connection within the limit, with its place; see [`Listener::accept_while`].
    ///
    /// # Errors
    /// As [`Listener::accept`].
    // ANCHOR: accept
    pub fn accept(
        &self,
        listener: &Listener,
        mut meanwhile: impl FnMut(),
    ) -> io::Result<Option<(TcpStream, Place<'_>)>> {
        let mut rejected = self.rejected.borrow_mut();
        while let Some(client) = listener.accept_while(|| {
            meanwhile();
            rejected.sweep();
        })? {
            if self.slots.taken() < self.connections_max {
                return Ok(Some((client, self.place())));
            }
            rejected.add(client);
        }
        Ok(None)
    }
    // ANCHOR_END: accept

    fn place(&self) -> Place<'_> {
        Place {
            slot: self.slots.take(),
            slots: &self.slots,
            scoreboard: self.scoreboard,
        }
    }

    /// To be called in a forked child: otherwise rejected clients would not see their connections
    /// close as long as the child lives.
    pub fn close_rejected(&self) {
        self.rejected.borrow_mut().close();
    }
}

impl Place<'_> {
    /// To be called in the process or thread that serves the connection: from now on its record in
    /// the scoreboard is that of this place.
    pub fn enter(&self) {
        self.scoreboard.enter(self.slot);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.scoreboard.vacate(self.slot);
        self.slots.give_back(self.slot);
    }
}
