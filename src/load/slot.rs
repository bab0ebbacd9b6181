//! The place of one client in its event loop: what it is doing, and since when. Times are in ns
//! from the start of the run.

use super::client::Client;
use super::traced::Traced;

/// A client pauses for this long after a connection could not be made, and each time twice as
/// long. Without a pause, a server that refuses connections would keep the generator's processor
/// busy.
const PAUSE_MIN_NS: u64 = 10_000_000;
/// The longest pause.
const PAUSE_MAX_NS: u64 = 1_000_000_000;

pub(super) struct Slot {
    pub(super) client: Client,
    /// Whether it ever got an answer.
    pub(super) was_answered: bool,
    pub(super) state: State,
    /// How long the next pause will be.
    pause_ns: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// No request is in flight, and no moment is fixed at which the next begins.
    Idle,
    /// A request is in flight.
    Asking(InFlight),
    /// The next request may begin at this time: after a think time, or after a connection could
    /// not be made.
    Pausing { until: u64 },
}

/// A request that has been sent, or whose connection is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InFlight {
    /// Which kind of request of the workload.
    pub(super) kind: usize,
    /// When it should have been sent. In a closed loop this is when it was.
    pub(super) intended: u64,
    /// When the generator acted on it: connect(2) or write(2).
    pub(super) sent: u64,
    /// When the first byte of its answer was read; 0 before that.
    pub(super) first_byte: u64,
    /// Whether it began after the warm-up.
    pub(super) is_measured: bool,
}

impl Slot {
    /// A client that records its events, if it is traced.
    pub(super) fn new(traced: Option<Traced>) -> Self {
        let mut client = Client::default();
        client.traced = traced.map(Box::new);
        Self {
            client,
            was_answered: false,
            state: State::Idle,
            pause_ns: PAUSE_MIN_NS,
        }
    }

    /// Its request is over: answered, with whatever status.
    pub(super) fn answered(&mut self) {
        self.was_answered = true;
        self.pause_ns = PAUSE_MIN_NS;
    }

    /// No connection can be made for a while; returns until when.
    pub(super) fn back_off(&mut self, now: u64) -> u64 {
        let until = now + self.pause_ns;
        self.state = State::Pausing { until };
        self.pause_ns = (self.pause_ns * 2).min(PAUSE_MAX_NS);
        until
    }

    /// No request is left for it.
    pub(super) fn retire(&mut self) {
        self.client.close();
        self.state = State::Idle;
    }

    pub(super) fn in_flight(&self) -> Option<&InFlight> {
        match &self.state {
            State::Asking(request) => Some(request),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_and_shrink_with_an_answer() {
        let mut slot = Slot::new(None);
        let pauses: Vec<_> = (0..9).map(|_| slot.back_off(7) / 1_000_000).collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        slot.answered();
        assert_eq!(slot.back_off(7), 7 + PAUSE_MIN_NS);
        assert!(slot.in_flight().is_none());
    }
}
