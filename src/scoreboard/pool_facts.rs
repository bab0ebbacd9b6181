//! What a master publishes about its pool, in the header.

use std::sync::atomic::Ordering::Relaxed;

use super::layout::header;
use super::{Scoreboard, View};

/// Events of a pool that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolEvent {
    /// All workers were busy when there could be no more of them.
    LimitReached,
    /// A worker was forked.
    Started,
    /// A worker ended that should not have.
    Crashed,
    /// A worker or one of its threads had no heartbeat for `--worker-timeout`.
    Wedged,
    /// A request took longer than `--request-timeout`.
    Overdue,
    /// A worker was missing and fork failed.
    ForkFailed,
}

impl PoolEvent {
    const ALL: [Self; 6] = [
        Self::LimitReached,
        Self::Started,
        Self::Crashed,
        Self::Wedged,
        Self::Overdue,
        Self::ForkFailed,
    ];
}

/// What the master of a pool has published. All zero where there is no master.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolFacts {
    /// The generation that serves; each reload begins one.
    pub generation: u64,
    /// As many workers as there should be now.
    pub target: u64,
    /// The most that there may be.
    pub limit: u64,
    events: [u64; PoolEvent::ALL.len()],
}

impl PoolFacts {
    /// How often that has happened since the server started.
    pub fn count(&self, event: PoolEvent) -> u64 {
        self.events[event as usize]
    }
}

impl Scoreboard {
    /// Counts an event; for the master.
    pub fn note(&self, event: PoolEvent) {
        self.words[header::EVENTS + event as usize].fetch_add(1, Relaxed);
    }

    /// Publishes generation, target size and maximum; for the master.
    pub fn note_pool(&self, generation: u64, target: usize, limit: usize) {
        self.words[header::GENERATION].store(generation, Relaxed);
        self.words[header::TARGET].store(target as u64, Relaxed);
        self.words[header::LIMIT].store(limit as u64, Relaxed);
    }

    /// Publishes whether workers must go on although they have reached `--max-requests`, since too
    /// many others are still finishing with their clients; for the master.
    pub fn note_crowd(&self, is_crowded: bool) {
        self.words[header::CROWDED].store(is_crowded.into(), Relaxed);
    }

    /// Publishes that a stop is put off; for the master.
    pub fn note_draining(&self) {
        self.words[header::DRAINING].store(1, Relaxed);
    }

    /// Whether the master has put off a stop.
    pub fn is_draining(&self) -> bool {
        self.words[header::DRAINING].load(Relaxed) != 0
    }

    /// What the master has published about that; false where there is no master.
    pub fn is_crowded(&self) -> bool {
        self.words[header::CROWDED].load(Relaxed) != 0
    }
}

impl View {
    /// What the master has published.
    pub fn pool(&self) -> PoolFacts {
        let load = |word| self.load(word);
        PoolFacts {
            generation: load(header::GENERATION),
            target: load(header::TARGET),
            limit: load(header::LIMIT),
            events: PoolEvent::ALL.map(|event| load(header::EVENTS + event as usize)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_master_publishes_can_be_read() {
        let scoreboard = Scoreboard::create().unwrap();
        let view = View::of(&scoreboard);
        assert_eq!(view.pool(), PoolFacts::default());
        scoreboard.note_pool(2, 5, 9);
        scoreboard.note(PoolEvent::Wedged);
        scoreboard.note(PoolEvent::ForkFailed);
        scoreboard.note(PoolEvent::ForkFailed);
        let facts = view.pool();
        assert_eq!((facts.generation, facts.target, facts.limit), (2, 5, 9));
        let counts = PoolEvent::ALL.map(|event| facts.count(event));
        assert_eq!(counts, [0, 0, 0, 1, 0, 2]);
    }

    #[test]
    fn each_event_has_a_word_of_its_own_within_the_header() {
        for (index, event) in PoolEvent::ALL.into_iter().enumerate() {
            assert_eq!(event as usize, index);
        }
        assert!(header::EVENTS + PoolEvent::ALL.len() <= header::DRAINING);
    }
}
