//! What people look at: tables, sentences, progress. Everything here turns results into text and
//! measures nothing.

pub mod bench_table;
pub mod findings;
pub mod load;
pub mod markdown;
pub mod picture;
pub mod progress;
pub mod units;
pub mod verify_table;
mod wrap;
