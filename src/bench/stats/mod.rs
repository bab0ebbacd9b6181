//! What the windows of a bench show, and what they do not. Pure: figures in, verdicts out.
//!
//! ```text
//!   block      1     2     3    …    n
//!   epoll    10.4  10.1  10.9      10.3    µs of CPU per request
//!   fork      138   131   144       136
//!              │     │     │         │     one logarithm of a ratio for each block
//!              └─────┴─────┴────┬────┘
//!        Hodges-Lehmann estimate and exact signed-rank interval
//!                               │
//!        Holm over all pairs of the table: at most 5 % false alarms in the whole table
//!                               │
//!        more · less · different, but small · the same within m · cannot tell
//! ```
//!
//! Why within blocks: the machine's mood moves all contenders of a block together, so the ratio of
//! two figures of one block is far steadier than either figure. Why ranks: they hold for any
//! symmetric noise, and one wild window moves them little. Why not the ranges over the blocks: a
//! range only grows, so more blocks would make the bench blinder.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`spread`] | a figure over the blocks: median and extremes, for people to look at |
//! | `signed_rank` | one pair: estimate, exact interval, p-values |
//! | `holm` | many pairs: a bound on all false alarms together |
//! | [`table`] | all pairs of a table, with their verdicts |
//! | [`planning`] | how many blocks it takes, and when an interval is narrow enough |

mod holm;
pub mod planning;
mod signed_rank;
pub mod spread;
pub mod table;

#[cfg(test)]
mod simulation;

pub use spread::Spread;
pub use table::{Comparison, Table, Verdict};

/// False alarms that a whole table may have: the chance of one or more wrong claims.
pub const FALSE_ALARMS_MAX: f64 = 0.05;
/// Differences within ±2 % are small: most changes of a compiler or a kernel do as much.
pub const MARGIN_MIN: f64 = 0.02;
