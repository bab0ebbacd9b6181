//! The place of one client in its event loop: what it is doing, and until when.

use std::time::{Duration, Instant};

use super::client::Client;

/// A client pauses for this long after a connection could not be made...
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// ...and twice as long each time, up to this, lest a server that has gone keep a core busy.
const PAUSE_MAX: Duration = Duration::from_secs(1);

pub(super) struct Slot {
    pub(super) client: Client,
    /// Whether it ever got an answer.
    pub(super) was_answered: bool,
    state: State,
    /// How long the next pause will be.
    pause: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing to do, for good.
    Idle,
    /// A request is in flight.
    Asking { since: Instant },
    /// The last connection could not be made.
    Pausing { until: Instant },
}

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            client: Client::default(),
            was_answered: false,
            state: State::Idle,
            pause: PAUSE_MIN,
        }
    }

    /// A request begins.
    pub(super) fn begin(&mut self, now: Instant) {
        self.state = State::Asking { since: now };
    }

    /// It is answered; returns how long that took.
    pub(super) fn answered(&mut self, now: Instant) -> Duration {
        self.was_answered = true;
        self.pause = PAUSE_MIN;
        match self.state {
            State::Asking { since } => now.duration_since(since),
            _ => Duration::ZERO,
        }
    }

    /// Nothing can be done for a while; returns until when.
    pub(super) fn pause(&mut self, now: Instant) -> Instant {
        let until = now + self.pause;
        self.state = State::Pausing { until };
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        until
    }

    /// There is nothing left to ask.
    pub(super) fn retire(&mut self) {
        self.client.close();
        self.state = State::Idle;
    }

    pub(super) fn is_asking(&self) -> bool {
        matches!(self.state, State::Asking { .. })
    }

    /// When its request will be late, or its pause over.
    pub(super) fn wake_at(&self, timeout: Duration) -> Option<Instant> {
        match self.state {
            State::Idle => None,
            State::Asking { since } => Some(since + timeout),
            State::Pausing { until } => Some(until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_and_shrink_with_an_answer() {
        let now = Instant::now();
        let mut slot = Slot::new();
        let pauses: Vec<_> = (0..9)
            .map(|_| (slot.pause(now) - now).as_millis())
            .collect();
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        slot.begin(now);
        assert_eq!(slot.answered(now + PAUSE_MAX), PAUSE_MAX);
        assert_eq!(slot.pause(now), now + PAUSE_MIN);
    }

    #[test]
    fn a_slot_wakes_when_it_is_late_or_has_paused() {
        let (now, timeout) = (Instant::now(), Duration::from_secs(5));
        let mut slot = Slot::new();
        assert_eq!(slot.wake_at(timeout), None);
        slot.begin(now);
        assert_eq!(
            (slot.wake_at(timeout), slot.is_asking()),
            (Some(now + timeout), true)
        );
        slot.pause(now);
        assert_eq!(
            (slot.wake_at(timeout), slot.is_asking()),
            (Some(now + PAUSE_MIN), false)
        );
        slot.retire();
        assert_eq!(slot.wake_at(timeout), None);
    }
}
