//! Command lines that contradict themselves are refused, and the error says what to do.

use std::process::Command;

use crate::support::server::BINARY;

#[track_caller]
fn refused(options: &[&str], words: &str) {
    let output = Command::new(BINARY)
        .args(["run", "--bind", "127.0.0.1:0"])
        .args(options)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{options:?}: {said}");
    assert!(said.contains(words), "{options:?}: {said}");
}

#[test]
fn contradictory_command_lines_are_refused() {
    for (options, words) in [
        (
            &["prefork", "--pool", "elastic"][..],
            "static, dynamic, ondemand",
        ),
        (
            &["prefork", "--min-spare", "3"],
            "--min-spare only has an effect with --pool dynamic",
        ),
        (
            &["prefork", "--pool", "ondemand", "--max-spare", "3"],
            "--max-spare only has an effect with --pool dynamic",
        ),
        (
            &["prefork", "--pool", "dynamic", "--idle-timeout", "3s"],
            "--idle-timeout only has an effect with --pool ondemand",
        ),
        (
            &[
                "prefork",
                "--pool",
                "dynamic",
                "--min-spare",
                "7",
                "--max-spare",
                "6",
            ],
            "--max-spare 6 is less than --min-spare 7",
        ),
        (
            &["threaded", "--pool", "dynamic"],
            "threaded has no pool of varying size",
        ),
        (
            &["event", "--pool", "dynamic"],
            "event has no pool of varying size",
        ),
        (
            &["prefork", "--pool", "dynamic", "--accept", "reuseport"],
            "--pool dynamic does not go with --accept reuseport",
        ),
        (
            &["prefork", "--pool", "ondemand", "--accept", "pass"],
            "--pool ondemand does not go with --accept pass",
        ),
        (&["prefork", "--worker-timeout", "999ms"], "at least 1s"),
        (&["prefork", "--request-timeout", "0s"], "more than 0"),
        (&["prefork", "--workers", "0"], "0 is not in 1"),
    ] {
        refused(options, words);
    }
}
