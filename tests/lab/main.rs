//! `servers lab`: every lab of the program, labs of a reader's own, and how a run ends.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod every;
mod lanes;
mod own;
mod runs;
#[path = "../support/mod.rs"]
mod support;

use std::process::{Command, Output, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::Value;
use support::server::BINARY;

/// Held by each run. The labs compare what servers do, so where all of them have to show what they
/// should, no other test loads the machine.
static MACHINE: RwLock<()> = RwLock::new(());

fn beside_others() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// `servers lab` with these arguments, to its end.
fn lab(arguments: &[&str]) -> Output {
    let _others = beside_others();
    run(arguments)
}

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.arg("lab").args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

/// Standard output as JSON, of a run that ends with this code.
#[track_caller]
fn json(code: i32, arguments: &[&str]) -> Value {
    let output = lab(arguments);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Standard error of a run that ends with this code.
#[track_caller]
fn complaint(code: i32, arguments: &[&str]) -> String {
    let output = lab(arguments);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}
