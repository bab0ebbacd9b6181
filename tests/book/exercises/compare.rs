//! Chapter 14: `compare` judges two columns of figures.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::bare::PROGRAM;

/// CPU time per request in microseconds, block by block: a connection per request to `epoll` and to
/// `async`, from a run on a virtual machine with other work to do.
const EPOLL_AND_ASYNC: &[(f64, f64)] = &[
    (43.2, 52.4),
    (49.2, 58.8),
    (48.9, 61.2),
    (46.7, 51.0),
    (52.2, 83.6),
    (46.5, 72.5),
    (43.7, 62.7),
    (49.8, 54.5),
];

/// `iterative` and `iterative` again, in the same run.
const TWICE_THE_SAME: &[(f64, f64)] = &[
    (47.6, 38.4),
    (47.6, 39.8),
    (46.1, 41.6),
    (47.2, 38.6),
    (46.0, 32.1),
    (42.7, 42.5),
    (40.9, 40.8),
    (43.0, 45.6),
];

/// Whether a program judges these right.
fn judges(program: &str) -> bool {
    let swapped: Vec<_> = EPOLL_AND_ASYNC.iter().map(|&(a, b)| (b, a)).collect();
    // Three blocks in which the second of two equal servers happened to use less.
    let few = &TWICE_THE_SAME[..3];
    verdict(program, EPOLL_AND_ASYNC) == "more"
        && verdict(program, &swapped) == "less"
        && verdict(program, TWICE_THE_SAME) == "cannot tell"
        && verdict(program, few) == "cannot tell"
}

fn verdict(program: &str, blocks: &[(f64, f64)]) -> String {
    let mut command = Command::new(&*PROGRAM);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = pipes.arg(program).spawn().unwrap();
    // It reads until this is dropped.
    let mut input = child.stdin.take().unwrap();
    for (first, second) in blocks {
        writeln!(input, "{first} {second}").unwrap();
    }
    drop(input);
    let mut said = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    child.wait().unwrap();
    said.trim().to_owned()
}

#[test]
fn compare_fails_unsolved_and_passes_solved() {
    assert!(!judges("compare"), "compare needs no solution");
    assert!(judges("solutions/compare"), "the solution is none");
}

#[test]
#[ignore = "passes when a reader has solved the exercise in examples/bare/compare.rs"]
fn exercise_compare() {
    assert!(judges("compare"));
}
