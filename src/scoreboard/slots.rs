//! Which slots are free, for models whose workers come and go.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Scoreboard;

/// Gives out the lowest free slot, so that the scoreboard stays as short as the server is busy.
pub struct Slots<'a> {
    scoreboard: &'a Scoreboard,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    free: BinaryHeap<Reverse<usize>>,
    /// Slots that were ever given out.
    used: usize,
}

impl<'a> Slots<'a> {
    /// All slots are free, that of the process which makes this call among them: it serves nobody.
    pub fn new(scoreboard: &'a Scoreboard) -> Self {
        scoreboard.vacate(0);
        Self {
            scoreboard,
            state: Mutex::default(),
        }
    }

    /// A slot that nobody has.
    pub fn take(&self) -> usize {
        let mut state = self.state();
        match state.free.pop() {
            Some(Reverse(slot)) => slot,
            None => {
                state.used += 1;
                state.used - 1
            }
        }
    }

    /// Whoever had the slot has gone.
    pub fn give_back(&self, slot: usize) {
        self.scoreboard.vacate(slot);
        self.state().free.push(Reverse(slot));
    }

    /// How many slots somebody has.
    pub fn taken(&self) -> usize {
        let state = self.state();
        state.used - state.free.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, so there is no broken state to fear.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_slot_comes_first() {
        let scoreboard = Scoreboard::create().unwrap();
        let slots = Slots::new(&scoreboard);
        let taken: Vec<usize> = (0..4).map(|_| slots.take()).collect();
        assert_eq!(taken, [0, 1, 2, 3]);
        slots.give_back(2);
        slots.give_back(0);
        assert_eq!(slots.taken(), 2);
        assert_eq!((slots.take(), slots.take(), slots.take()), (0, 2, 4));
    }
}
