//! Tables, sentences and progress for people. Everything here turns results into text and measures
//! nothing.

mod bar;
pub mod bench_table;
pub mod findings;
mod grid;
pub mod html;
mod ladder_table;
pub mod load;
mod matrix;
pub mod picture;
pub mod plot;
pub mod progress;
pub mod sweep_table;
pub mod units;
pub mod unp_tables;
pub mod unpaired_table;
pub mod verify_table;
mod workers_table;
mod wrap;
