//! What the reader of a sum must know, and why results cannot be added.

use std::time::Duration;

/// Something that the reader of a sum must know.
#[derive(Debug, Clone, PartialEq)]
pub enum Remark {
    /// Ranks that left no result, with the requests that only they would have sent.
    MissingRanks {
        /// Which ones.
        ranks: Vec<u32>,
        /// Of how many.
        of: u32,
        /// Their requests.
        requests: u64,
    },
    /// A result that could not be read.
    Unusable {
        /// Where it comes from.
        name: String,
        /// Why.
        reason: String,
    },
    /// A generator that ended before its time.
    EndedEarly {
        /// Its result.
        name: String,
        /// Why.
        ended: String,
    },
    /// The generators began at different times.
    Skew(Duration),
    /// The generators worked at different times for a part of the measurement.
    PartialOverlap(f64),
    /// The generators loaded different URLs.
    SeveralUrls(usize),
}

impl Remark {
    /// The name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MissingRanks { .. } => "missing-ranks",
            Self::Unusable { .. } => "unusable-result",
            Self::EndedEarly { .. } => "ended-early",
            Self::Skew(_) => "skew",
            Self::PartialOverlap(_) => "partial-overlap",
            Self::SeveralUrls(_) => "several-urls",
        }
    }

    /// Whether a part of the measurement is missing.
    pub fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::MissingRanks { .. } | Self::Unusable { .. } | Self::EndedEarly { .. }
        )
    }
}

/// Why results cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmergeable {
    /// There is none.
    #[error("no result can be read, so there is nothing to add")]
    Nothing,
    /// The same measurement twice.
    #[error("{0} and {1} are the same measurement: give each result once")]
    Twice(String, String),
    /// Two generators with one rank.
    #[error("{0} and {1} are both of rank {2}: give one result for each rank")]
    SameRank(String, String, u32),
    /// Not parts of one schedule, or an open loop and a closed one.
    #[error("{0} and {1} are of different plans ({2}): give results of one run")]
    OtherPlan(String, String, &'static str),
    /// The generators were never at work together.
    #[error(
        "{0} had ended when {1} began: their sum would describe a load that never was; give the \
         generators a common --start-at (and check the clocks of their machines)"
    )]
    Apart(String, String),
}
