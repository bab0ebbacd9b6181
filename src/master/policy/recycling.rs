//! When a worker has lived long enough or uses too much memory. Pure: its age and its memory in, a
//! reason out.

use std::fmt;
use std::time::Duration;

use crate::server::Recycling;

/// What one worker may use and how old it may get. Drawn for each, so that not all leave together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// 0 for any.
    memory_mib: u64,
    /// Zero for any.
    age: Duration,
}

/// Why a worker is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It has so many MiB.
    Memory(u64),
    /// It is so old.
    Age(Duration),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory(mib) => write!(f, "has {mib} MiB of memory (--max-memory)"),
            Self::Age(age) => write!(f, "is {} s old (--max-age)", age.as_secs()),
        }
    }
}

impl Allowance {
    /// The settings, each with a random part of its jitter.
    pub(crate) fn draw(settings: &Recycling) -> Self {
        let memory_mib = match settings.max_memory_mib {
            0 => 0,
            mib => mib.saturating_add(fastrand::u64(0..=settings.max_memory_jitter_mib)),
        };
        let age = match settings.max_age {
            Duration::ZERO => Duration::ZERO,
            age => age.saturating_add(settings.max_age_jitter.mul_f64(fastrand::f64())),
        };
        Self { memory_mib, age }
    }

    /// Why a worker of that age is to be replaced, if it is. Its memory is only looked up if there
    /// is a limit; `None` if it cannot be.
    pub(crate) fn exceeded(
        &self,
        age: Duration,
        memory_mib: impl FnOnce() -> Option<u64>,
    ) -> Option<Reason> {
        if !self.age.is_zero() && age >= self.age {
            return Some(Reason::Age(age));
        }
        let limit = (self.memory_mib > 0).then_some(self.memory_mib)?;
        let used = memory_mib()?;
        (used > limit).then_some(Reason::Memory(used))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn without_limits_no_worker_is_looked_at() {
        let none = Allowance::draw(&Recycling::default());
        let look = || panic!("no limit, no look");
        assert_eq!(none.exceeded(SECOND * 1_000_000, look), None);
    }

    #[test]
    fn a_worker_beyond_a_limit_has_a_reason() {
        let both = Allowance::draw(&Recycling {
            max_memory_mib: 100,
            max_age: SECOND * 60,
            ..Recycling::default()
        });
        assert_eq!(both.exceeded(SECOND * 59, || Some(100)), None);
        assert_eq!(both.exceeded(SECOND * 59, || None), None);
        let memory = both.exceeded(SECOND, || Some(101));
        assert_eq!(memory, Some(Reason::Memory(101)));
        let age = both.exceeded(SECOND * 60, || Some(101));
        assert_eq!(age, Some(Reason::Age(SECOND * 60)));
    }

    #[test]
    fn jitter_adds_up_to_as_much_as_it_says() {
        let settings = Recycling {
            max_memory_mib: 100,
            max_memory_jitter_mib: 50,
            max_age: SECOND * 60,
            max_age_jitter: SECOND * 30,
        };
        let drawn: Vec<Allowance> = (0..100).map(|_| Allowance::draw(&settings)).collect();
        for it in &drawn {
            assert!((100..=150).contains(&it.memory_mib));
            assert!((SECOND * 60..=SECOND * 90).contains(&it.age));
        }
        assert!(drawn.iter().any(|it| it != &drawn[0]), "not all the same");
    }
}
