//! The main thread accepts and hands the connections to the other threads (UNP section 30.12).
//!
//! The hand-over is a queue in the memory of one process, so it is part of the model that has it
//! (`prethreaded`). No pool of processes has this strategy.

use super::shared::SHARED;
use super::strategy::Strategy;

/// `--accept main`.
pub const MAIN: Strategy = Strategy {
    name: "main",
    summary: "the main thread accepts and hands over",
    ..SHARED
};
