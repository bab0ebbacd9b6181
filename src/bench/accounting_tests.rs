use super::*;

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// A shell in a group of its own, which says `ready` when `script` has come so far, and then waits
/// until its standard input ends.
fn shell(script: &str) -> (Child, ProcessTree) {
    let mut child = Command::new("sh")
        .args(["-c", &format!("{script}; echo ready; read -r line; wait")])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "ready\n");
    let group = ProcessTree(Pid::from_raw(i32::try_from(child.id()).unwrap()));
    (child, group)
}

fn end(mut child: Child) {
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn a_line_with_a_hostile_name_is_read() {
    let line = "42 (a) b (c)) S 1 42 42 0 -1 4194304 95 0 0 0 7 5 100 20 20 0 3 0 1 0 0";
    let stat = Stat::parse(line).unwrap();
    let expected = Stat {
        pid: 42,
        state: 'S',
        parent: 1,
        group: 42,
        own_ticks: 12,
        reaped_ticks: 120,
        threads: 3,
    };
    assert_eq!(stat, expected);
    assert_eq!(Stat::parse(""), None);
    assert_eq!(Stat::parse("42 (sh) S 1"), None);
}

#[test]
fn a_group_is_counted_with_its_children() {
    let (child, group) = shell("cat /dev/zero > /dev/null & pid=$!; trap 'kill $pid' EXIT");
    let census = group.census().unwrap();
    assert_eq!(
        (census.processes, census.threads, group.count().unwrap()),
        (2, 2, 2)
    );
    assert!(census.pss_kib > 0);
    nix::sys::signal::killpg(group.0, Signal::SIGKILL).unwrap();
    end(child);
}

#[test]
fn time_of_a_reaped_child_is_counted() {
    let burn = "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'";
    let (child, group) = shell(burn);
    // The shell itself did nothing but wait: without the reaped child next to nothing is left.
    let own: Duration = cpu_of(group.0.as_raw().cast_unsigned()).unwrap();
    let whole = group.cpu().unwrap();
    assert!(
        whole > own * 5,
        "whole {whole:?}, of the shell itself {own:?}"
    );
    end(child);
}

#[test]
fn time_of_a_process_at_work_is_counted() {
    let (child, group) = shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done");
    assert!(group.cpu().unwrap() > Duration::ZERO);
    end(child);
}

#[test]
fn a_group_that_has_ended_is_empty() {
    let (child, group) = shell(":");
    end(child);
    assert_eq!(group.census().unwrap(), Census::default());
    assert_eq!(group.count().unwrap(), 0);
    assert_eq!(group.cpu().unwrap(), Duration::ZERO);
}

#[test]
fn the_lifetime_of_children_grows() {
    let before = Lifetime::of_reaped_children().unwrap();
    let (child, _) = shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done");
    end(child);
    let after = Lifetime::of_reaped_children().unwrap();
    assert!(after.since(before).cpu_s > 0.0);
    assert!(after.since(before).voluntary_switches > 0);
}

#[test]
fn a_child_with_a_group_of_its_own_is_counted_too() {
    let (child, tree) = shell("setsid sleep 60 & pid=$!; trap 'kill $pid' EXIT; sleep 0.1");
    assert_eq!(tree.count().unwrap(), 2);
    tree.kill();
    end(child);
    assert_eq!(tree.count().unwrap(), 0);
}

#[test]
fn only_descendants_and_the_group_are_selected() {
    let stat = |pid, parent, group| Stat {
        pid,
        state: 'S',
        parent,
        group,
        own_ticks: 0,
        reaped_ticks: 0,
        threads: 1,
    };
    let all = vec![
        stat(1, 0, 1),
        stat(7, 1, 7),
        stat(8, 7, 8),
        stat(9, 8, 9),
        stat(10, 1, 7),
        stat(11, 1, 11),
    ];
    let tree = ProcessTree(Pid::from_raw(7)).select(all);
    let mut pids: Vec<i32> = tree.iter().map(|stat| stat.pid).collect();
    pids.sort_unstable();
    assert_eq!(pids, [7, 8, 9, 10]);
}

#[test]
fn a_process_that_ignores_sigchld_is_told_by_its_status() {
    // SIGCHLD is signal 17; the mask without it has its neighbours.
    let status = |mask: &str| format!("Name:\tx\nSigBlk:\t0000000000010000\nSigIgn:\t{mask}\n");
    assert!(ignores_sigchld(&status("0000000000010000")));
    assert!(!ignores_sigchld(&status("0000000000028000")));
    assert!(!ignores_sigchld(""));
}
