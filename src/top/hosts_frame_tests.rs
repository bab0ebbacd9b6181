//! Frames of several hosts as text.

use super::*;
use crate::top::history::tests::report;
use crate::top::report_source::{ReportError, Seen};
use crate::top::screen::Sort;

fn seen(source: usize, at: f64, workers: &[(char, u64)], is_draining: bool) -> Update {
    let report = report(workers);
    let seen = Ok(Seen {
        report,
        is_draining,
    });
    Update { source, at, seen }
}

fn lost(source: usize, at: f64) -> Update {
    let seen = Err(ReportError::NoAnswer {
        url: "http://10.78.0.3:8080/status?json".to_owned(),
        reason: "connection refused".to_owned(),
    });
    Update { source, at, seen }
}

fn names() -> Vec<String> {
    let names = (1..=3).map(|n| format!("10.78.0.{n}:8080"));
    names.collect()
}

/// Ten seconds of three hosts. The second is about to stop, the third has vanished after four.
fn hosts() -> Hosts {
    let mut hosts = Hosts::new(names(), Sort::Slot);
    for second in 0..=10_u64 {
        let at = second as f64;
        hosts.take(seen(
            0,
            at,
            &[('W', 200 * second), ('_', 100 * second)],
            false,
        ));
        hosts.take(seen(1, at + 0.1, &[('W', 100 * second)], true));
        hosts.take(match second {
            0..=4 => seen(2, at + 0.25, &[('_', 50 * second)], false),
            _ => lost(2, at + 0.25),
        });
    }
    hosts
}

fn draw(hosts: &mut Hosts, width: u16, height: u16) -> Vec<String> {
    let look = Look {
        width,
        height,
        colour: true,
        interactive: true,
    };
    let lines = lines(hosts, look);
    lines
        .iter()
        .map(|it| it.to_string().trim_end().to_owned())
        .collect()
}

#[test]
fn the_usual_terminal() {
    let expected = [
        " 3 hosts: 1 ready, 1 draining, 1 unreachable",
        "",
        " host            state     last 14 s       req/s  share       busy   open    CPU",
        " all                          ·██████████    400   100%        2/3      2     0%",
        " 10.78.0.1:8080  ready        ·██████████    300    75%        1/2      1     0%",
        "     0     4000  W            ███████████    200    50%                 1    20%",
        "     1     4001  _            ·██████████    100    25%                 0    10%",
        " 10.78.0.2:8080  draining     ·▃▃▃▃▃▃▃▃▃▃    100    25%        1/1      1     0%",
        "     0     4000  W            ███████████    100    25%                 1    10%",
        " 10.78.0.3:8080  unreachable for 6 s: connection refused",
    ];
    let mut lines = draw(&mut hosts(), 80, 24);
    assert_eq!(lines.len(), 24);
    let footer = " q quit   ? help   p pause   s sort: slot   w hosts only   6 rows";
    assert_eq!(lines.pop().unwrap(), footer);
    lines.truncate(expected.len());
    assert_eq!(lines, expected);
}

/// Where the workers have no room, only the hosts are shown, unless the user wants them.
#[test]
fn a_small_terminal_shows_the_hosts() {
    let mut hosts = hosts();
    let first_words = |lines: &[String]| -> Vec<String> {
        let rows = lines[4..lines.len() - 1].iter();
        rows.map(|it| it.split_whitespace().next().unwrap_or_default().to_owned())
            .collect()
    };
    let lines = draw(&mut hosts, 80, 10);
    assert_eq!(first_words(&lines)[..3], names()[..]);
    assert!(lines[9].ends_with("w workers   3 rows"), "{}", lines[9]);
    hosts.press(Key::Char('w'));
    hosts.press(Key::End);
    let lines = draw(&mut hosts, 80, 10);
    assert_eq!(
        first_words(&lines),
        ["0", "1", "10.78.0.2:8080", "0", "10.78.0.3:8080"]
    );
    assert!(lines[9].ends_with("↑↓ 2-6 of 6 rows"), "{}", lines[9]);
    hosts.press(Key::Char('w'));
    assert_eq!(first_words(&draw(&mut hosts, 80, 24))[2], "10.78.0.3:8080");
}

#[test]
fn the_hosts_come_in_the_order_that_is_asked_for() {
    let mut hosts = hosts();
    hosts.take(seen(1, 11.1, &[('W', 10_000)], true));
    let first = |hosts: &Hosts| hosts.sorted()[0].name.clone();
    for (sort, name) in [
        (Sort::Slot, "10.78.0.1:8080"),
        (Sort::Rate, "10.78.0.2:8080"),
    ] {
        hosts.sort_by(sort);
        assert_eq!(first(&hosts), name);
    }
}

#[test]
fn a_host_that_has_ended_and_comes_back_as_another_process() {
    let mut hosts = hosts();
    let mut update = seen(2, 11.2, &[('_', 7)], false);
    update.seen.as_mut().unwrap().report.pid += 1;
    hosts.take(update);
    let lines = draw(&mut hosts, 80, 24);
    assert!(lines[0].ends_with(": 2 ready, 1 draining"), "{}", lines[0]);
    assert_eq!(
        hosts.hosts[2].rate(),
        None,
        "the counts of two processes are not compared"
    );
}

#[test]
fn every_size_can_be_drawn_and_fits() {
    let mut hosts = hosts();
    for (width, height) in [
        (1, 1),
        (20, 5),
        (40, 10),
        (52, 8),
        (80, 3),
        (80, 24),
        (200, 60),
    ] {
        for key in ['w', '?', '?', 's', 'p', 'p'] {
            hosts.press(Key::Char(key));
            hosts.first_row = usize::MAX;
            let drawn = draw(&mut hosts, width, height);
            let fits = |it: &String| it.chars().count() <= usize::from(width);
            // Below the least width the terminal cuts, and the help.
            assert!(
                width < 40 || hosts.shows_help || drawn.iter().all(fits),
                "{width}: {drawn:#?}"
            );
            assert_eq!(drawn.len(), usize::from(height));
        }
    }
}

#[test]
fn a_long_name_keeps_its_end() {
    assert_eq!(name("web7.example.net:8080", 12), "…le.net:8080");
    assert_eq!(name("short:80", 12), "short:80    ");
    assert_eq!(name("short:80", 0), "");
}
