//! Labs that watch something special: one file each, and one row here.

mod back_to_accept;
mod crash;
mod forked_before;
mod grow_and_shrink;
mod knee;
mod loaded_once;
mod memory_per_client;
mod omission;
mod one_thread;
mod reload;
mod silent_clients;
mod who_balances;
mod who_waits;

use super::context::Context;
use super::definition::Definition;
use super::outcome::Observed;
use super::problem::Problem;

/// Carries out one lab. The numbers that it uses are in the lab's file: `lab.setting(…)`.
pub type Run = fn(&Definition, &Context<'_>) -> Result<Observed, Problem>;

/// The code whose lab a user may ask of some models only.
pub const WITH_MODELS: &str = "who-waits";

/// What `code = "NAME"` can name.
pub const ALL: &[(&str, Run)] = &[
    ("forked-before", forked_before::run),
    ("back-to-accept", back_to_accept::run),
    ("one-thread-one-connection", one_thread::run),
    ("loaded-once", loaded_once::run),
    ("grow-and-shrink", grow_and_shrink::run),
    ("who-balances", who_balances::run),
    (WITH_MODELS, who_waits::run),
    ("silent-clients", silent_clients::run),
    ("crash", crash::run),
    ("memory-per-client", memory_per_client::run),
    ("omission", omission::run),
    ("reload", reload::run),
    ("knee", knee::run),
];

/// Carries out the code of this name.
///
/// # Errors
/// There is no such code; or what it says.
pub fn run(name: &str, lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let Some((_, run)) = ALL.iter().find(|(other, _)| *other == name) else {
        let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        return Err(Problem::Other(format!(
            "'{name}' is no code of a lab: {}",
            names.join(", ")
        )));
    };
    run(lab, context)
}
