//! Free slots, for models whose workers come and go.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Gives out the lowest free slot, so that the scoreboard stays as short as the server is busy.
#[derive(Debug, Default)]
pub struct Slots {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    free: BinaryHeap<Reverse<usize>>,
    /// The highest number that was ever given out, plus one.
    used: usize,
}

impl Slots {
    /// All slots are free except these.
    pub fn taken_by(taken: Vec<usize>) -> Self {
        let used = taken.iter().max().map_or(0, |highest| highest + 1);
        let free = (0..used).filter(|slot| !taken.contains(slot));
        let state = State {
            free: free.map(Reverse).collect(),
            used,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// The lowest free slot.
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

    /// Frees a slot that was taken.
    pub fn give_back(&self, slot: usize) {
        self.state().free.push(Reverse(slot));
    }

    /// How many slots are not free.
    pub fn taken(&self) -> usize {
        let state = self.state();
        state.used - state.free.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock, so a poisoned state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_slot_comes_first() {
        let slots = Slots::default();
        let taken: Vec<usize> = (0..4).map(|_| slots.take()).collect();
        assert_eq!(taken, [0, 1, 2, 3]);
        slots.give_back(2);
        slots.give_back(0);
        assert_eq!(slots.taken(), 2);
        let same = Slots::taken_by(vec![3, 1]);
        assert_eq!((same.take(), same.take(), same.take()), (0, 2, 4));
        assert_eq!((slots.take(), slots.take(), slots.take()), (0, 2, 4));
    }
}
