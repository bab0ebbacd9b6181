//! Runs of the load generator, and sums of them: as a table, as JSON, CSV, an interval log or a
//! page, and live.

mod csv;
mod found;
mod hlog;
mod json;
mod merged;
mod page;
mod progress;
mod read;
mod self_test;
mod sentences;
mod table;
mod text;

pub use csv::csv;
pub use found::{Found, Probe, found_json, found_table, probe_line};
pub use hlog::hlog;
pub use json::{Json, SCHEMA, json, merged_json};
pub use merged::{merged_html, merged_table};
pub use page::html;
pub use progress::watch;
pub use read::{Unreadable, read};
pub use self_test::{self_test_json, self_test_table};
pub use table::table;

/// Every table and sentence fits a terminal of this width, and is made for none that is wider.
pub const WIDTH_MAX: usize = 80;
