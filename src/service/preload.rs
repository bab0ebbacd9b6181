//! `--preload`: memory that stands for an application, loaded before the workers are forked or by
//! each of them.
//!
//! What is in memory at a fork is there once for all, until somebody writes to it (copy on write).
//! What each worker loads for itself is there as many times as there are workers. That difference
//! is why Gunicorn and Puma can load an application before they fork.

use std::hint::black_box;

const MIB: usize = 1024 * 1024;
/// Octets to write at a time; a divisor of a MiB.
const PIECE: usize = 4096;

/// Memory that has been written to, and lives as long as this.
pub struct Preload {
    touched: Vec<u8>,
}

impl Preload {
    /// Touches `mib` MiB: a page that nobody has written to takes no memory. That may take its
    /// time, so `beat` is called all the while.
    ///
    /// # Errors
    /// A sentence: there is not as much.
    pub fn touch(mib: usize, beat: impl Fn()) -> Result<Self, String> {
        let octets = mib.saturating_mul(MIB);
        let mut memory = Vec::new();
        memory
            .try_reserve_exact(octets)
            .map_err(|error| format!("cannot preload {mib} MiB: {error}"))?;
        while memory.len() < octets {
            memory.extend_from_slice(&[1; PIECE]);
            beat();
        }
        // The compiler must not find out that nobody ever reads this.
        let touched = black_box(memory);
        Ok(Self { touched })
    }

    /// How much it is.
    pub fn mib(&self) -> usize {
        self.touched.len() / MIB
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn whoever_loads_shows_that_it_gets_on() {
        let beats = Cell::new(0);
        Preload::touch(3, || beats.set(beats.get() + 1)).unwrap();
        assert!(beats.get() >= 3, "{beats:?}");
    }
}
