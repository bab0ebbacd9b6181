//! The configuration, the workers, the master and the program of a server change under full load.
//! Every request is accounted for, and no client sees an error.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod endings;
mod family;
mod load;
mod logs;
mod reload;
#[path = "../support/mod.rs"]
mod support;
mod upgrade;

use servers::models;

/// Every accept strategy of every model with a master, as options.
fn ways() -> Vec<(&'static str, String)> {
    let with_master = models::ALL.iter().filter(|model| model.has_master());
    let ways = with_master.flat_map(|model| {
        let strategies = model.strategies.iter();
        strategies.map(|strategy| (model.name, format!("--accept={}", strategy.name)))
    });
    ways.collect()
}
