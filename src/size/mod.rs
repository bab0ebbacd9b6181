//! How large a service must be: from a load and what a request costs to workers, cores and memory.
//!
//! Formulas of queueing theory are exact for servers that no one runs: one queue, one kind of
//! waiting. So the answer comes from a simulation of the model's own rule, who waits for whom. The
//! formulas check the simulation, and bound the search.
//!
//! ```text
//!  Service (CPU, how long it holds its worker) ─┐
//!  Rate, arrivals at random ────────────────────┼─▶ simulate(Station) ─▶ response times
//!  Station (Rule, workers, cores) ──────────────┘          ▲
//!                                     recommend: the smallest that keeps the objective
//! ```
//!
//! | room | what happens in it |
//! | --- | --- |
//! | [`Service`] | what one request takes: processor time, and how long it keeps its worker |
//! | [`Rule`], [`Station`] | which requests wait for which workers |
//! | [`simulate()`] | one seeded run, event by event |
//! | [`replicate()`] | several runs, with an interval for each figure |
//! | [`formulas`] | Little's law, Erlang C |
//! | [`recommend()`] | the search |
//!
//! Everything here is pure: no clock, no system call, and the same seed gives the same figures.

pub mod formulas;
mod recommend;
mod replicate;
mod service;
mod simulate;

pub use recommend::{Objective, Recommendation, TooSmall, WORKERS_MAX, recommend, requests};
pub use replicate::{Estimate, Prediction, REPLICATIONS, knee, replicate};
pub use service::Service;
pub use simulate::{Rule, Station, simulate};
