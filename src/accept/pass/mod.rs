//! The master accepts and passes the connection on: a descriptor, sent to an idle worker over a
//! Unix socket (UNP section 30.9).
//!
//! ```text
//!   clients      accept queue      master                      workers
//!
//!     A ──▶ [ A B C ] ──────▶ accept, pick one ── A ──▶ 0: serve A
//!                                  ▲    └──────── B ──▶ 1: serve B
//!                                  └──────────── idle ─ 2: waiting
//! ```
//!
//! *What it costs*: two messages per connection, and a wake-up of the master for each of them. Only
//! here the master works while clients come. *When it breaks*: late, because the master does little
//! per connection. But all connections go through one process.
//!
//! *What it is good for*: the master decides which worker gets a connection. Here it decides by one
//! of two rules ([`Pick`]). A proxy can pass each connection to the process of its tenant.
//!
//! Both ends of each channel stay open in the master. So a connection that was passed to a worker
//! that died before reading it is not lost: it lies in the channel, and the master takes it back.
//! A connection that the worker had read is lost with the worker, as in every other strategy.

mod dispatcher;
mod receiver;

use super::shared::SHARED;
use super::strategy::Strategy;

use dispatcher::Dispatcher;

/// `--accept pass`.
pub const PASS: Strategy = Strategy {
    name: "pass",
    summary: "the master accepts and passes descriptors on",
    master_accepts: true,
    options: &["pick"],
    open: |listener, options, _| Ok(Box::new(Dispatcher::new(listener, options.pick))),
    ..SHARED
};

/// The master's rule: which worker gets the next connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pick {
    /// The first idle worker, in the order of slots, as in UNP section 30.9.
    First,
    /// The idle worker whose slot comes next after the last one's.
    #[default]
    RoundRobin,
}

impl Pick {
    /// Both rules.
    pub const ALL: [Self; 2] = [Self::First, Self::RoundRobin];

    /// The word behind `--pick`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::RoundRobin => "round-robin",
        }
    }

    /// What the rule does, in one line.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::First => "the first idle worker, so that the last ones have little to do",
            Self::RoundRobin => "the next idle worker, so that all have their turn",
        }
    }

    /// The slot that gets the next connection, of those that `is_free`. The slot `last` got the
    /// connection before.
    // ANCHOR: pick
    fn choose(
        self,
        slots: usize,
        last: Option<usize>,
        is_free: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let start = match (self, last) {
            (Self::RoundRobin, Some(last)) => last + 1,
            _ => 0,
        };
        (start..slots)
            .chain(0..start.min(slots))
            .find(|&slot| is_free(slot))
    }
    // ANCHOR_END: pick
}

/// What a worker tells the master.
mod report {
    /// Give me a client.
    pub(super) const IDLE: u8 = b'i';
    /// I was asked to stop. Give me a client if no other worker may take it, or let me go.
    pub(super) const LEAVING: u8 = b'l';
    /// Since I reported that I am idle, I was asked to stop.
    pub(super) const CHANGED_MY_MIND: u8 = b'c';
}

/// What the master tells a worker.
mod order {
    /// Serve this client: its descriptor comes with the message.
    pub(super) const SERVE: u8 = b's';
    /// There is no client for you: go.
    pub(super) const GO: u8 = b'g';
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_takes_the_lowest_and_round_robin_the_next() {
        let all = |_| true;
        assert_eq!(Pick::First.choose(3, Some(1), all), Some(0));
        assert_eq!(Pick::RoundRobin.choose(3, None, all), Some(0));
        assert_eq!(Pick::RoundRobin.choose(3, Some(1), all), Some(2));
        assert_eq!(Pick::RoundRobin.choose(3, Some(2), all), Some(0));
        assert_eq!(Pick::RoundRobin.choose(3, Some(7), all), Some(0));
    }

    #[test]
    fn the_busy_are_passed_over() {
        for pick in Pick::ALL {
            assert_eq!(pick.choose(4, Some(2), |slot| slot == 1), Some(1));
            assert_eq!(pick.choose(4, Some(2), |_| false), None);
            assert_eq!(pick.choose(0, None, |_| true), None);
        }
    }
}
