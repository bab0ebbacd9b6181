//! Accepting by one operation of a ring, which brings a completion for each connection.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;

use nix::errno::Errno;

use super::shared::{Listener, is_lasting, recover};
use crate::sys::signal;
use crate::sys::uring::{Parcel, Ring};

/// A listener whose connections come out of a ring.
pub struct Arrivals {
    /// `None` once it is closed.
    listener: Option<Listener>,
    state: State,
    /// Descriptors or memory lacked when somebody was to be accepted last, or whatever it was that
    /// lasts, and it has been said.
    is_exhausted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is in flight.
    Idle,
    /// Nothing is in flight and nothing is to be, until the next tick.
    Paused,
    Accepting,
    /// Asked to end, which takes a last completion.
    Ending,
}

impl Arrivals {
    /// Nobody is accepted before [`Arrivals::tend`].
    pub fn new(listener: Listener) -> Self {
        Self {
            listener: Some(listener),
            state: State::Idle,
            is_exhausted: false,
        }
    }

    /// Whether nobody will come any more: the server stops, and what was in the accept queue when
    /// it was asked to has been taken.
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
        match self.state {
            State::Accepting if is_drained => {
                ring.cancel_accept()?;
                self.state = State::Ending;
            }
            State::Idle | State::Paused if is_drained => self.listener = None,
            State::Idle => {
                ring.accept(listener.as_fd())?;
                self.state = State::Accepting;
            }
            State::Accepting | State::Ending | State::Paused => {}
        }
        Ok(())
    }

    /// What a completion has brought: a client, perhaps.
    ///
    /// # Errors
    /// Only what waiting cannot cure. A client that left before it was accepted is passed over,
    /// and after a lack of descriptors or memory nobody is accepted until the next tick.
    pub fn accepted(
        &mut self,
        client: nix::Result<TcpStream>,
        goes_on: bool,
    ) -> io::Result<Option<TcpStream>> {
        if !goes_on {
            self.state = State::Idle;
        }
        match client {
            Ok(client) => {
                self.is_exhausted = false;
                if let Some(listener) = &self.listener {
                    listener.count_taken();
                }
                Ok(Some(client))
            }
            Err(Errno::ECANCELED) => Ok(None),
            Err(error) if is_lasting(error) => {
                if !self.is_exhausted {
                    crate::log!("accept: {}; waiting until that changes", error.desc());
                }
                self.is_exhausted = true;
                self.state = State::Paused;
                Ok(None)
            }
            Err(error) => recover(error).map(|()| None),
        }
    }

    /// A tick has passed: whatever lacked may be there again.
    pub fn tick(&mut self) {
        if self.state == State::Paused {
            self.state = State::Idle;
        }
    }
}
