//! HTTP in raw bytes: one table of cases, run against every model.
//!
//! Each case is sent in several deliveries: whole, byte by byte, cut at random, and with a further
//! request right behind it. For every model and every delivery, the answers must be the same bytes
//! but for the Date. That is the proof that all models share one HTTP implementation.
//!
//! A case is named after the section of the RFC that requires it.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

#[macro_use]
mod case;

mod fields;
mod files;
mod framing;
mod interactive;
mod limits;
mod request_line;
mod runner;
mod semantics;
mod site;
#[path = "../support/mod.rs"]
mod support;

use case::Case;
use runner::Group;

#[test]
fn framing_is_read_alike() {
    Group::new(framing::CASES).run();
}

#[test]
fn request_lines_are_read_alike() {
    Group::new(request_line::CASES).run();
}

#[test]
fn fields_are_read_alike() {
    Group::new(fields::CASES).run();
}

/// The accept strategy must not change an answer either.
const STRATEGIES: &[&str] = &[
    "prefork --accept flock",
    "prefork --accept mutex",
    "prefork --accept pass",
    "prefork --accept reuseport",
];

#[test]
fn semantics_are_alike() {
    Group::new(semantics::CASES).against(STRATEGIES).run();
}

#[test]
fn the_site_answers_alike() {
    Group::new(site::CASES).run();
}

#[test]
fn limits_are_held_alike() {
    let cases = limits::cases();
    Group::new(&cases).options(limits::OPTIONS).run();
}

#[test]
fn files_are_served_alike() {
    let root = files::Root::new();
    Group::new(files::CASES)
        .options(&["--root", root.path()])
        .run();
}

#[test]
fn names_of_cases_are_unique_and_there_are_enough_of_them() {
    let limits = limits::cases();
    let tables: [&[Case]; 7] = [
        framing::CASES,
        request_line::CASES,
        fields::CASES,
        semantics::CASES,
        site::CASES,
        files::CASES,
        &limits,
    ];
    let mut names: Vec<&str> = tables.concat().iter().map(|case| case.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a name is used twice");
    assert!(count >= 150, "only {count} cases");
}
