//! The experiment: every model as a real process, under the same load, in randomised blocks.
//!
//! ```text
//!   block 1          block 2          …         a block: every contender once, in random order
//!   ┌──┬──┬──┬──┐    ┌──┬──┬──┬──┐
//!   │ C│ A│ D│ B│    │ B│ D│ A│ C│              a contender: each workload once
//!   └──┴┼─┴──┴──┘    └──┴──┴──┴──┘
//!       └─ start · warm up · window · stop      a run: a server of its own
//! ```
//!
//! Requests within one run are not independent of each other, so a run is *one* sample. One
//! contender, the reference, runs twice in each block under two names (A/A): what the two differ
//! by is what equal servers seem to differ by. A window that was disturbed is measured again at the
//! end of its block.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`workload`] | what is asked of a contender, and why |
//! | [`plan`], [`contender`] | contenders, blocks, order, durations |
//! | [`budget`] | how long a window may be, so that the whole ends in time |
//! | [`layout`] | which processors each side has |
//! | [`limits`] | how many connections this machine allows |
//! | [`preflight`] | one request of each kind before anything is measured |
//! | [`server`], `streams` | the server under test, from start to proof that nothing is left |
//! | [`accounting`], [`cpu_meter`] | what its processes use, and what others use meanwhile |
//! | `setup`, `experiment` | the program and its processors; the plan carried out, block by block |
//! | `measure`, `figures`, `sampler`, `bystanders` | one run |
//! | [`ladder`] | the same rates for all: where each contender's response times leave |
//! | [`workers`] | how a server's workers shared the load |
//! | [`gates`], `repeats` | what must be said about a window, and whether it is measured again |
//! | [`results`] | the file: raw figures |
//! | [`stats`] | what the figures show, and what they do not |
//! | [`summary`], [`percentiles`] | from windows to rows and verdicts |
//! | [`peers`] | recipes for nginx, Apache, Gunicorn and minimal C servers |
//! | [`sweep`] | the same bench with one number varied |
//! | [`unp`] | Stevens' nine servers, and the figures that he published |
//! | [`unpaired`] | two results compared with each other: a warning |
//! | [`verify`] | whether the answers are right |

pub mod accounting;
pub mod budget;
mod bystanders;
pub mod contender;
pub mod cpu_meter;
pub mod environment;
mod experiment;
pub mod failure;
mod figures;
pub mod gates;
pub mod json;
pub mod ladder;
pub mod layout;
pub mod limits;
mod measure;
pub mod peers;
pub mod percentiles;
pub mod plan;
pub mod preflight;
mod repeats;
pub mod request;
pub mod results;
mod rows;
mod sampler;
mod seconds;
pub mod server;
mod setup;
pub mod stats;
mod streams;
pub mod summary;
pub mod sweep;
pub mod unp;
pub mod unpaired;
pub mod verify;
mod waiting;
pub mod workers;
pub mod workload;

pub use experiment::{Observer, Outcome, run};
pub use setup::Setup;
