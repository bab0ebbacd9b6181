//! The rules of a pool, pure: counts and times in, a decision out. No process, no clock, no memory
//! that is shared.

pub(crate) mod backoff;
pub(crate) mod deadlines;
pub(crate) mod liveness;
pub(crate) mod queue;
pub(crate) mod recycling;
pub(crate) mod rollout;
pub(crate) mod sizing;
#[cfg(test)]
mod sizing_tests;
