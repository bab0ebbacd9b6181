//! Which disturbed windows are measured again. Pure.

use std::collections::BTreeSet;

use super::results::Run;

/// Windows of one contender, workload and block, the first one included.
const ATTEMPTS_MAX: u32 = 3;

/// Decides after each window whether it is to be measured again.
#[derive(Debug)]
pub(super) struct Repeats {
    /// How many are left for the whole bench.
    left: usize,
    /// Contenders and workloads that saturate the generator, or delay it, whenever they are
    /// measured: that is no disturbance.
    saturating: BTreeSet<(String, String)>,
}

impl Repeats {
    pub(super) fn new(at_most: usize) -> Repeats {
        Repeats {
            left: at_most,
            saturating: BTreeSet::new(),
        }
    }

    /// Whether the window of `run` is to be measured again; if so, that counts.
    pub(super) fn take(&mut self, run: &Run) -> bool {
        let key = (run.contender.clone(), run.workload.clone());
        let mut why = run.condemned();
        if run.attempt > 1 && why.iter().any(|mark| mark.is_generators()) {
            self.saturating.insert(key.clone());
        }
        if self.saturating.contains(&key) {
            why.retain(|mark| !mark.is_generators());
        }
        let again = !why.is_empty() && run.attempt < ATTEMPTS_MAX && self.left > 0;
        self.left -= usize::from(again);
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::gates::Mark;
    use crate::bench::results::tests::run;

    fn marked(attempt: u32, marks: &[Mark]) -> Run {
        let mut run = run("fork", 1, 10.0);
        run.attempt = attempt;
        run.measurement.as_mut().unwrap().marks = marks.to_vec();
        run
    }

    #[test]
    fn a_disturbed_window_is_measured_again_within_bounds() {
        let mut repeats = Repeats::new(3);
        assert!(!repeats.take(&marked(1, &[Mark::LittlesLaw])));
        assert!(repeats.take(&marked(1, &[Mark::Others])));
        assert!(repeats.take(&marked(2, &[Mark::Others])));
        assert!(!repeats.take(&marked(3, &[Mark::Others])));
        assert!(repeats.take(&marked(1, &[Mark::Steal])));
        assert!(!repeats.take(&marked(1, &[Mark::Steal])), "none is left");
    }

    #[test]
    fn an_empty_window_is_measured_again() {
        let mut empty = marked(1, &[]);
        empty.measurement.as_mut().unwrap().requests = 0;
        assert!(Repeats::new(1).take(&empty));
    }

    #[test]
    fn a_contender_that_always_saturates_the_generator_is_not_repeated_for_it() {
        let mut repeats = Repeats::new(100);
        assert!(repeats.take(&marked(1, &[Mark::GeneratorBound])));
        assert!(!repeats.take(&marked(2, &[Mark::GeneratorBound])));
        assert!(!repeats.take(&marked(1, &[Mark::GeneratorBound])));
        assert!(repeats.take(&marked(1, &[Mark::GeneratorBound, Mark::Steal])));
    }
}
