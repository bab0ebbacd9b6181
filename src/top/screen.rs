//! The state of the view: what the user has chosen to see. Pure: keys and reports come in.

use std::collections::VecDeque;

use super::history::History;
use super::keys::Key;
use crate::status::Report;

/// After this many reports of another server in a row, the view switches to that server.
const OTHERS_MAX: u32 = 8;
/// Seconds for which the view mentions that another server has answered.
const OTHER_SHOWN_S: f64 = 10.0;

/// Reports that are kept during a pause: those of one minute, which is all that the view shows.
const HELD_MAX: usize = 240;

/// The order of the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// By slot, the lowest first.
    Slot,
    /// By requests per second, the most first.
    Rate,
    /// By CPU time per second, the most first.
    Cpu,
    /// By the time in their present state, the longest first; busy workers before all others.
    Time,
}

impl Sort {
    /// The word for it on the command line and in the footer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slot => "slot",
            Self::Rate => "rate",
            Self::Cpu => "CPU",
            Self::Time => "time",
        }
    }

    pub(super) const fn next(self) -> Self {
        match self {
            Self::Slot => Self::Rate,
            Self::Rate => Self::Cpu,
            Self::Cpu => Self::Time,
            Self::Time => Self::Slot,
        }
    }
}

/// The state of the view.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) history: History,
    pub(super) sort: Sort,
    /// The middle column shows requests instead of strips.
    pub(super) shows_requests: bool,
    pub(super) is_paused: bool,
    /// The meaning of letters and keys is shown instead of the workers.
    pub(super) shows_help: bool,
    /// The first row of workers that is shown; the frame keeps it in range.
    pub(super) first_row: usize,
    /// Rows of workers that fit on the screen; the frame sets it.
    pub(super) rows: usize,
    /// Why the last look yielded no report.
    pub(super) error: Option<String>,
    held: VecDeque<(f64, Report)>,
    /// Reports of another server since the last report of the watched one.
    other_reports: u32,
    /// Process ID of another server that has answered, and the time of its last answer.
    other: Option<(f64, u32)>,
}

impl Screen {
    pub(super) fn new(sort: Sort) -> Self {
        Self {
            history: History::default(),
            sort,
            shows_requests: false,
            is_paused: false,
            shows_help: false,
            first_row: 0,
            rows: 0,
            error: None,
            held: VecDeque::new(),
            other_reports: 0,
            other: None,
        }
    }

    /// Takes in a report that was made `at` seconds after the first.
    pub(super) fn take(&mut self, report: Report, at: f64) {
        self.error = None;
        if self.is_paused {
            if self.held.len() == HELD_MAX {
                self.held.pop_front();
            }
            self.held.push_back((at, report));
        } else {
            self.see(report, at);
        }
    }

    /// Shows a report, if it is of the watched server. During an upgrade two servers share the
    /// port, and answer in turns. The view stays with the first one for as long as it still
    /// answers: the difference between the counts of two servers would show as load.
    fn see(&mut self, report: Report, at: f64) {
        let watched = self.history.report().map(identity);
        if watched.is_none_or(|watched| watched == identity(&report)) {
            self.other_reports = 0;
            let is_over = |&mut (then, _): &mut (f64, u32)| at - then > OTHER_SHOWN_S;
            self.other.take_if(is_over);
            self.history.take(report, at);
            return;
        }
        self.other_reports += 1;
        self.other = Some((at, report.pid));
        if self.other_reports == OTHERS_MAX {
            self.other_reports = 0;
            self.other = None;
            self.history = History::default();
            self.history.take(report, at);
        }
    }

    /// Forgets the watched server if this report is of another one.
    pub(super) fn forget_others(&mut self, report: &Report) {
        let watched = self.history.report().map(identity);
        if watched.is_some_and(|watched| watched != identity(report)) {
            self.other_reports = 0;
            self.other = None;
            self.history = History::default();
        }
    }

    /// Process ID of another server that answers on the same port.
    pub(super) fn other_server(&self) -> Option<u32> {
        self.other.map(|(_, pid)| pid)
    }

    /// Acts on a key; false if the user wants to quit.
    pub(super) fn press(&mut self, key: Key) -> bool {
        let page = self.rows.saturating_sub(1).max(1);
        match key {
            Key::Interrupt | Key::Escape | Key::Char('q') => return false,
            Key::Char('p' | ' ') => self.pause(),
            Key::Char('s') => self.sort = self.sort.next(),
            Key::Char('?' | 'h') => self.shows_help = !self.shows_help,
            Key::Char('r') => self.shows_requests = !self.shows_requests,
            Key::Up | Key::Char('k') => self.scroll_to(self.first_row.checked_sub(1)),
            Key::Down | Key::Char('j') => self.scroll_to(self.first_row.checked_add(1)),
            Key::PageUp => self.scroll_to(self.first_row.checked_sub(page)),
            Key::PageDown => self.scroll_to(self.first_row.checked_add(page)),
            Key::Home => self.first_row = 0,
            Key::End => self.first_row = usize::MAX,
            Key::Char(_) => {}
        }
        true
    }

    fn scroll_to(&mut self, row: Option<usize>) {
        self.first_row = row.unwrap_or(0);
    }

    /// Pauses the view, or continues it with the reports that have come meanwhile.
    fn pause(&mut self) {
        self.is_paused = !self.is_paused;
        if !self.is_paused {
            for (at, report) in std::mem::take(&mut self.held) {
                self.see(report, at);
            }
        }
    }
}

/// Tells two servers apart. In two containers both may have the same process ID, so the start time
/// counts too.
fn identity(report: &Report) -> (u32, u64) {
    (report.pid, report.started_unix_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::history::tests::report;

    #[test]
    fn keys_do_what_the_footer_says() {
        let mut screen = Screen::new(Sort::Slot);
        screen.rows = 10;
        let orders = [Sort::Rate, Sort::Cpu, Sort::Time, Sort::Slot];
        for sort in orders {
            assert!(screen.press(Key::Char('s')));
            assert_eq!(screen.sort, sort);
        }
        screen.press(Key::Up);
        assert_eq!(screen.first_row, 0);
        screen.press(Key::PageDown);
        screen.press(Key::Down);
        assert_eq!(screen.first_row, 10);
        screen.press(Key::PageUp);
        assert_eq!(screen.first_row, 1);
        screen.press(Key::End);
        screen.press(Key::Down);
        screen.press(Key::Home);
        assert_eq!(screen.first_row, 0);
        screen.press(Key::Char('r'));
        assert!(screen.shows_requests);
        assert!(screen.press(Key::Char('x')), "no such key");
        assert!(screen.press(Key::Char('c')), "not without Ctrl");
        assert!(!screen.press(Key::Interrupt));
        assert!(!screen.press(Key::Char('q')));
        assert!(!screen.press(Key::Escape));
    }

    #[test]
    fn reports_that_come_during_a_pause_are_not_lost() {
        let mut screen = Screen::new(Sort::Slot);
        screen.take(report(&[('_', 0)]), 0.0);
        screen.press(Key::Char('p'));
        for second in 1..=1000 {
            screen.take(report(&[('W', second)]), second as f64);
        }
        assert_eq!(screen.history.report().unwrap().requests, 0);
        assert_eq!(screen.held.len(), HELD_MAX);
        screen.press(Key::Char('p'));
        assert_eq!(screen.history.report().unwrap().requests, 1000);
        assert!(screen.held.is_empty());
        assert_eq!(screen.history.seconds().len(), 60);
    }

    /// During an upgrade two masters answer on one port, each with its own counts.
    #[test]
    fn two_servers_on_one_port_are_not_taken_for_one() {
        let mut screen = Screen::new(Sort::Slot);
        let mut other = report(&[('_', 1_000_000)]);
        other.pid += 1;
        let rate = |screen: &Screen| screen.history.rate(|it| Some(it.requests as f64));
        for second in 0..20_u64 {
            match second % 4 {
                0 => screen.take(report(&[('W', 10 * second)]), second as f64),
                _ => screen.take(other.clone(), second as f64),
            }
            assert_eq!(screen.history.report().unwrap().pid, 3999);
            assert!(
                rate(&screen).is_none_or(|it| it == 10.0),
                "an invented load"
            );
            assert_eq!(screen.other_server(), (second > 0).then_some(4000));
        }
        // The old server has ended. The view switches to the other, with an empty history.
        for second in 20..30 {
            screen.take(other.clone(), f64::from(second));
        }
        assert_eq!(screen.history.report().unwrap().pid, 4000);
        assert_eq!(rate(&screen), Some(0.0));
        assert!(screen.history.seconds().all(|it| it.requests == 0));
        assert_eq!(screen.other_server(), None);
    }

    #[test]
    fn another_server_is_forgotten_when_it_has_ended() {
        let mut screen = Screen::new(Sort::Slot);
        let mut other = report(&[('_', 5)]);
        other.started_unix_ms += 1;
        screen.take(report(&[('_', 0)]), 0.0);
        screen.take(other, 1.0);
        assert_eq!(screen.other_server(), Some(3999));
        screen.take(report(&[('_', 0)]), 9.0);
        assert_eq!(screen.other_server(), Some(3999));
        screen.take(report(&[('_', 0)]), 12.0);
        assert_eq!(screen.other_server(), None);
    }
}
