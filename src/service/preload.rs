//! `--preload`: memory that stands for an application, loaded before the workers are forked or by
//! each of them.
//!
//! Memory that the master has written before it forks is shared with all workers, page by page,
//! until one of them writes to the page (copy on write). Memory that each worker loads for itself
//! exists once for each worker. That is why Gunicorn and Puma can load an application before they
//! fork.

use std::hint::black_box;
use std::time::Instant;

const MIB: usize = 1024 * 1024;
/// Bytes written between two looks at the clock; a divisor of a MiB.
const PIECE: usize = 256 * 1024;
const PAGE: usize = 4096;

/// Memory that is written to piece by piece, freed when this is dropped.
pub struct Preload {
    touched: Vec<u8>,
    wanted_bytes: usize,
}

impl Preload {
    /// Reserves `mib` MiB of address space and touches none of it yet.
    ///
    /// # Errors
    /// A sentence: there is not enough memory.
    pub fn begin(mib: usize) -> Result<Self, String> {
        let wanted_bytes = mib.saturating_mul(MIB);
        let mut touched = Vec::new();
        touched
            .try_reserve_exact(wanted_bytes)
            .map_err(|error| format!("cannot preload {mib} MiB: {error}"))?;
        Ok(Self {
            touched,
            wanted_bytes,
        })
    }

    /// Writes to a part of it, since a page that was never written uses no memory. Returns at `end`
    /// at the latest, whether all of it is written: a master has other work.
    pub fn touch_until(&mut self, end: Instant) -> bool {
        while self.touched.len() < self.wanted_bytes {
            self.touch();
            if Instant::now() >= end {
                return self.touched.len() == self.wanted_bytes;
            }
        }
        true
    }

    /// Writes to all of it. That may take long, so `beat` is called often.
    pub fn touch_all(&mut self, beat: impl Fn()) {
        while self.touched.len() < self.wanted_bytes {
            self.touch();
            beat();
        }
    }

    fn touch(&mut self) {
        for _ in 0..PIECE / PAGE {
            self.touched.extend_from_slice(&[1; PAGE]);
        }
        // Without this the compiler could drop memory that is never read.
        black_box(&mut self.touched);
    }

    /// The size, in MiB.
    pub fn mib(&self) -> usize {
        self.wanted_bytes / MIB
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::time::Duration;

    use super::*;

    #[test]
    fn loading_beats_all_the_while() {
        let beats = Cell::new(0);
        let mut preload = Preload::begin(3).unwrap();
        preload.touch_all(|| beats.set(beats.get() + 1));
        assert!(beats.get() >= 3, "{beats:?}");
        assert_eq!(preload.mib(), 3);
    }

    #[test]
    fn loading_is_interrupted_and_goes_on() {
        let mut preload = Preload::begin(3).unwrap();
        let now = Instant::now();
        let turns = (1..100).find(|_| preload.touch_until(now));
        assert_eq!(turns, Some(3 * MIB / PIECE), "a piece each time");
        let nothing = Preload::begin(0).unwrap().touch_until(now);
        assert!(nothing);
        let later = now + Duration::from_secs(600);
        assert!(Preload::begin(3).unwrap().touch_until(later), "at once");
    }
}
