//! The master's choice of a worker, for strategies where the master accepts. Pure.

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
    pub(super) fn choose(
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
