//! `--preload`: memory that stands for an application, loaded before the workers are forked or by
//! each of them.
//!
//! Memory that the master has written before it forks is shared with all workers, page by page,
//! until one of them writes to the page (copy on write). Memory that each worker loads for itself
//! exists once for each worker. That is why Gunicorn and Puma can load an application before they
//! fork.

use std::hint::black_box;

const MIB: usize = 1024 * 1024;
/// Bytes written between two calls of `beat`; a divisor of a MiB.
const PIECE: usize = 4096;

/// Memory that was written to, freed when this is dropped.
pub struct Preload {
    touched: Vec<u8>,
}

impl Preload {
    /// Writes to `mib` MiB, since a page that was never written uses no memory. That may take long,
    /// so `beat` is called often.
    ///
    /// # Errors
    /// A sentence: there is not enough memory.
    pub fn touch(mib: usize, beat: impl Fn()) -> Result<Self, String> {
        let bytes = mib.saturating_mul(MIB);
        let mut memory = Vec::new();
        memory
            .try_reserve_exact(bytes)
            .map_err(|error| format!("cannot preload {mib} MiB: {error}"))?;
        while memory.len() < bytes {
            memory.extend_from_slice(&[1; PIECE]);
            beat();
        }
        // Without this the compiler could drop memory that is never read.
        let touched = black_box(memory);
        Ok(Self { touched })
    }

    /// The size, in MiB.
    pub fn mib(&self) -> usize {
        self.touched.len() / MIB
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn loading_beats_all_the_while() {
        let beats = Cell::new(0);
        Preload::touch(3, || beats.set(beats.get() + 1)).unwrap();
        assert!(beats.get() >= 3, "{beats:?}");
    }
}
