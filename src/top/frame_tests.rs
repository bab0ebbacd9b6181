//! Frames as text.

use super::*;
use crate::top::history::tests::report;
use crate::top::keys::Key;

/// Two workers over twelve seconds. The second one starts in the fourth second, answers requests,
/// keeps a connection alive, and ends.
fn screen() -> Screen {
    let mut screen = Screen::new(Sort::Slot);
    let letters = ['.', '.', '.', '_', 'W', 'W', 'W', 'K', 'K', '_', '.', '.'];
    for (second, &letter) in letters.iter().enumerate() {
        let requests = second.clamp(3, 6) as u64 * 100;
        for quarter in 0..4 {
            let at = second as f64 + f64::from(quarter) * 0.25;
            let first = if quarter % 2 == 0 { 'R' } else { '_' };
            screen.take(report(&[(first, 7), (letter, requests)]), at);
        }
    }
    screen
}

fn draw(screen: &mut Screen, width: u16, height: u16, colour: bool) -> Vec<String> {
    let look = Look {
        width,
        height,
        colour,
        interactive: true,
    };
    let lines = lines(screen, look);
    let shown = lines.iter().take(height.into());
    let shown: Vec<String> = shown.map(|line| line.escaped(width.into())).collect();
    // Of all styles only colours have numbers from 30 on.
    let has_colour = |line: &String| line.contains("\x1b[3") || line.contains("\x1b[9");
    assert!(
        colour || !shown.iter().any(has_colour),
        "a colour without colours"
    );
    shown.iter().map(|line| bare(line)).collect()
}

/// A line without its escape sequences and without spaces at its end.
fn bare(line: &str) -> String {
    let pieces = line.split('\x1b');
    let pieces = pieces.map(|it| it.strip_prefix('[').map_or(it, |it| after(it, 'm')));
    pieces.collect::<String>().trim_end().to_owned()
}

fn after(text: &str, end: char) -> &str {
    text.split_once(end).map_or("", |(_, rest)| rest)
}

#[test]
fn the_usual_terminal() {
    let expected = [
        " prefork at 127.0.0.1:8080 (accept: shared), process 3999, up 1 min 15 s",
        "",
        " requests/s                                           ····███·····             0",
        " workers                                              ▄▄▄███████▄▄      0/1 busy",
        " accept queue                                         ▃▃▃▃▃▃▃▃▃▃▃▃         3/511",
        " answered 607   sent 79.5kB   open 0   slow 0   rejected 0   CPU 0%",
        "  slot      pid   last 48 s                                         req/s    CPU",
        "     0     4000 _                                     ▄▄▄▄▄▄▄▄▄▄▄▄      0     0%",
        "     1          .                                        ·███──·        0",
    ];
    let lines = draw(&mut screen(), 80, 24, true);
    assert_eq!(lines.len(), 24);
    let mut lines = lines.into_iter();
    for expected in expected {
        assert_eq!(lines.next().unwrap(), expected);
    }
    let footer = " q quit   ? help   p pause   s sort: slot   r requests   1 worker, 1 gone";
    assert_eq!(lines.next_back().unwrap(), footer);
    assert!(lines.all(|line| line.is_empty()));
}

#[test]
fn a_wide_terminal_shows_requests_beside_the_strips() {
    let lines = draw(&mut screen(), 130, 20, false);
    assert!(lines[6].ends_with("CPU  last request"), "{}", lines[6]);
    assert!(lines[7].ends_with("0%  GET /"), "{}", lines[7]);
}

#[test]
fn a_narrow_one_shows_either() {
    let mut screen = screen();
    screen.press(Key::Char('r'));
    let lines = draw(&mut screen, 80, 24, true);
    assert!(
        lines[7].starts_with("     0     4000 _ GET /  "),
        "{}",
        lines[7]
    );
    assert!(lines[23].contains("r strips"), "{}", lines[23]);
}

/// What does not fit is left out as a whole, not cut in the middle.
#[test]
fn a_terminal_of_60_columns_cuts_nothing() {
    let lines = draw(&mut screen(), 60, 24, true);
    assert_eq!(
        lines[0],
        " prefork at 127.0.0.1:8080, process 3999, up 1 min 15 s"
    );
    let figures = " answered 607   sent 79.5kB   open 0   slow 0   rejected 0";
    assert_eq!(lines[5], figures);
    assert_eq!(
        lines[23],
        " q quit   ? help   p pause   s sort: slot   1 worker, 1 gone"
    );
    let lines = draw(&mut screen(), 40, 24, true);
    assert_eq!(lines[0], " prefork at 127.0.0.1:8080, process 3999");
    let lines = draw(&mut screen(), 30, 24, true);
    assert_eq!(lines[0], " prefork at 127.0.0.1:8080");
    assert_eq!(lines[23], " q quit   ? help");
}

#[test]
fn the_letters_are_explained() {
    let mut screen = screen();
    screen.press(Key::Char('?'));
    let lines = draw(&mut screen, 60, 24, true);
    for state in State::ALL {
        let words = format!("   {}  {}", state.letter(), state.words());
        assert!(
            lines.iter().any(|it| it.contains(&words)),
            "{words}: {lines:#?}"
        );
    }
    assert!(
        lines[22].is_empty() || lines[22].contains("back"),
        "{lines:#?}"
    );
    assert!(
        lines.iter().any(|it| it == " ? back to the workers"),
        "{lines:#?}"
    );
    let all = help::lines();
    assert!(all.iter().all(|it| it.to_string().chars().count() <= 60));
    assert!(lines[23].contains("? back"), "{}", lines[23]);
    screen.press(Key::Char('?'));
    assert!(draw(&mut screen, 60, 24, true)[6].starts_with("  slot"));
}

#[test]
fn every_size_can_be_drawn_and_scrolled() {
    let workers: Vec<(char, u64)> = (0..40).map(|n| ('W', n)).collect();
    let mut screen = Screen::new(Sort::Rate);
    screen.take(report(&workers), 0.0);
    screen.take(report(&workers), 1.0);
    for (width, height) in [
        (1, 1),
        (1, 50),
        (200, 1),
        (30, 8),
        (31, 9),
        (33, 10),
        (400, 100),
    ] {
        screen.first_row = usize::MAX;
        draw(&mut screen, width, height, false);
        screen.first_row = 0;
        draw(&mut screen, width, height, true);
    }
    screen.first_row = usize::MAX;
    let lines = draw(&mut screen, 80, 24, true);
    assert!(lines[22].starts_with("    39     4039 W"), "{}", lines[22]);
    assert!(
        lines[23].ends_with("↑↓ 25-40 of 40 workers"),
        "{}",
        lines[23]
    );
}

#[test]
fn an_error_and_a_pause_are_shown() {
    let mut screen = screen();
    screen.press(Key::Char('p'));
    let lines = draw(&mut screen, 80, 24, false);
    assert!(lines[23].contains("p go on (paused)"), "{}", lines[23]);
    screen.error = Some("the server has ended".to_owned());
    let lines = draw(&mut screen, 80, 24, true);
    assert_eq!(lines[23], " the server has ended; q quits");
}

#[test]
fn workers_come_in_the_order_that_is_asked_for() {
    let mut screen = Screen::new(Sort::Slot);
    let mut later = report(&[('_', 10), ('W', 500), ('R', 30)]);
    later.workers[2].state_s = Some(9.0);
    screen.take(report(&[('_', 0), ('W', 0), ('R', 0)]), 0.0);
    screen.take(later.clone(), 1.0);
    for (sort, order) in [
        (Sort::Slot, [0, 1, 2]),
        (Sort::Rate, [1, 2, 0]),
        (Sort::Cpu, [1, 2, 0]),
        (Sort::Time, [2, 1, 0]),
    ] {
        screen.sort = sort;
        let slots: Vec<usize> = sorted(&screen, &later).iter().map(|it| it.slot).collect();
        assert_eq!(slots, order, "{sort:?}");
    }
}

#[test]
fn generations_are_shown_while_there_are_two() {
    let mut old = report(&[('W', 1), ('_', 2), ('.', 3)]);
    for worker in &mut old.workers {
        worker.generation = 1;
    }
    let mut both = old.clone();
    both.workers[1].generation = 2;
    let mut screen = Screen::new(Sort::Slot);
    screen.take(old, 0.0);
    assert!(draw(&mut screen, 80, 24, true)[6].starts_with("  slot      pid   last 48 s"));
    screen.take(both, 1.0);
    let lines = draw(&mut screen, 80, 24, true);
    assert!(
        lines[6].starts_with("  slot  gen      pid   last 43 s"),
        "{}",
        lines[6]
    );
    assert!(
        lines[7].starts_with("     0    1     4000 W "),
        "{}",
        lines[7]
    );
    assert!(
        lines[8].starts_with("     1    2     4001 _ "),
        "{}",
        lines[8]
    );
    assert!(lines.iter().all(|line| line.chars().count() <= 80));
}

#[test]
fn another_server_on_the_port_is_shown_and_memory_where_it_fits() {
    let mut screen = Screen::new(Sort::Slot);
    let mut seen = report(&[('W', 1)]);
    seen.pss_bytes = Some(12_345_678);
    let mut other = seen.clone();
    other.pid = 4711;
    screen.take(seen, 0.0);
    screen.take(other, 1.0);
    let lines = draw(&mut screen, 100, 24, true);
    assert_eq!(
        lines[1],
        " another server answers here as well: process 4711"
    );
    assert!(lines[5].ends_with("CPU ?   PSS 12.3MB"), "{}", lines[5]);
    let narrow = draw(&mut screen, 70, 24, true);
    assert!(!narrow[5].contains("PSS"), "{}", narrow[5]);
}
