//! Tables, sentences and progress for people. Everything here turns results into text and measures
//! nothing.

mod bar;
pub mod bench_page;
pub mod bench_table;
pub mod findings;
mod grid;
pub mod html;
pub mod lab;
mod ladder_table;
pub mod load;
mod matrix;
mod notes;
pub mod picture;
pub mod plot;
pub mod progress;
mod rows;
pub mod size;
pub mod sweep_table;
mod trust;
pub mod units;
pub mod unp_tables;
pub mod unpaired_table;
pub mod verify_table;
mod view;
mod words;
mod workers_table;
mod wrap;
