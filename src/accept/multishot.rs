//! Accepting by one operation of a ring, which brings a completion for each connection.

use std::io;
use std::net::TcpStream;

use nix::errno::Errno;

use super::errors::{is_lasting, log_exhausted, recover};
use super::listener::Listener;
use crate::sys::signal;
use crate::sys::uring::{Parcel, Ring};

/// A listener whose connections come out of a ring.
pub struct Arrivals {
    /// `None` once it is closed.
    listener: Option<Listener>,
    /// Of each of its sockets, whose place here is the key of its operation.
    states: Vec<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The ring has no operation of ours.
    Idle,
    /// As `Idle`, and none is submitted before the next tick.
    Paused,
    Accepting,
    /// The operation was cancelled; its last completion is still to come.
    Ending,
}

impl Arrivals {
    /// No connection is accepted before [`Arrivals::tend`].
    pub fn new(listener: Listener) -> Self {
        Self {
            states: listener.descriptors().map(|_| State::Idle).collect(),
            listener: Some(listener),
        }
    }

    /// Whether no further client will come: the server stops, and all that was in the accept queue
    /// at that moment has been taken.
    pub fn is_closed(&self) -> bool {
        self.listener.is_none()
    }

    /// To be called before each wait: accepts, or ends if the server stops. The operation holds
    /// the socket open by itself, so it has to be over before the listener can be closed.
    ///
    /// # Errors
    /// Those of the ring.
    pub fn tend<P: Parcel>(&mut self, ring: &mut Ring<P>) -> io::Result<()> {
        let Some(listener) = &self.listener else {
            return Ok(());
        };
        let is_drained =
            signal::stopping() && (listener.left_to_drain()? == 0 || listener.waiting()? == 0);
        for (key, (socket, state)) in listener.descriptors().zip(&mut self.states).enumerate() {
            match state {
                State::Accepting if is_drained => {
                    ring.cancel_accept(key)?;
                    *state = State::Ending;
                }
                State::Idle if !is_drained => {
                    ring.accept(key, socket)?;
                    *state = State::Accepting;
                }
                State::Idle | State::Accepting | State::Ending | State::Paused => {}
            }
        }
        let is_idle = |it: &State| matches!(it, State::Idle | State::Paused);
        if is_drained && self.states.iter().all(is_idle) {
            self.listener = None;
        }
        Ok(())
    }

    /// The client that a completion of the operation `key` brings, if it brings one.
    ///
    /// # Errors
    /// Only what waiting cannot cure. A client that left before it was accepted is passed over.
    /// After a lack of descriptors or memory no connection is accepted until the next tick.
    pub fn accepted(
        &mut self,
        key: usize,
        client: nix::Result<TcpStream>,
        goes_on: bool,
    ) -> io::Result<Option<TcpStream>> {
        if !goes_on {
            self.states[key] = State::Idle;
        }
        match client {
            Ok(client) => {
                if let Some(listener) = &self.listener {
                    listener.count_taken(&client);
                }
                Ok(Some(client))
            }
            Err(Errno::ECANCELED) => Ok(None),
            Err(error) if is_lasting(error) => {
                log_exhausted(error);
                self.states[key] = State::Paused;
                Ok(None)
            }
            Err(error) => recover(error).map(|()| None),
        }
    }

    /// A tick has passed: descriptors and memory may be available again.
    pub fn tick(&mut self) {
        for state in &mut self.states {
            if *state == State::Paused {
                *state = State::Idle;
            }
        }
    }
}
