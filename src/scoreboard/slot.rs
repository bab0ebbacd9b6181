//! The slot of the current process or thread in the scoreboard, as a variable of each thread.

use std::cell::Cell;

thread_local! {
    static SLOT: Cell<usize> = const { Cell::new(0) };
}

/// The slot of the current thread, from 0; 0 where the model has only one.
pub fn get() -> usize {
    SLOT.get()
}

/// Gives the current thread its slot; a child process inherits that of the thread that forked.
pub fn set(slot: usize) {
    SLOT.set(slot);
}
