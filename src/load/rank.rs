//! One generator of several: its rank, and the part of the plan that is its own. Pure.

/// Which of several generators a run is. Together they carry out one plan.
///
/// Rank r of n takes the requests r, r + n, r + 2n and so on, as the threads of one generator do.
/// So the parts sum to exactly the plan, whatever the number of ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// Which one, from 0.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

impl Rank {
    /// A generator that carries out the whole plan.
    pub const ALONE: Self = Self { index: 0, count: 1 };

    /// How many of so many requests are this rank's.
    pub fn share(self, whole: u64) -> u64 {
        let (index, count) = (u64::from(self.index), u64::from(self.count));
        whole / count + u64::from(index < whole % count)
    }

    /// The number in the whole plan of its own request `own`.
    pub(super) fn number(self, own: u64) -> u64 {
        own * u64::from(self.count) + u64::from(self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_all_ranks_are_the_plan_once() {
        for (count, whole) in [(1, 7), (3, 10), (4, 4), (5, 23), (7, 3)] {
            let mut all: Vec<u64> = (0..count)
                .map(|index| Rank { index, count })
                .flat_map(|rank| (0..rank.share(whole)).map(move |own| rank.number(own)))
                .collect();
            all.sort_unstable();
            assert_eq!(all, (0..whole).collect::<Vec<_>>(), "{count} ranks");
        }
    }
}
