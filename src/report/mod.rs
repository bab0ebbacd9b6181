//! What people look at: tables, sentences, progress. Everything here turns results into text and
//! measures nothing.

pub mod bench_table;
pub mod findings;
mod grid;
pub mod load;
pub mod markdown;
pub mod picture;
pub mod progress;
pub mod sweep_table;
pub mod units;
pub mod unp_tables;
pub mod verify_table;
mod workers_table;
mod wrap;
