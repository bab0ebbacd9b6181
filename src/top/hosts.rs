//! The state of the view of several servers. Pure: keys and reports come in.

use super::keys::Key;
use super::report_source::{ReportError, Seen};
use super::screen::{Screen, Sort};
use super::view::Update;
use crate::status::Report;

/// What is known of a server at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// It has not been asked, or the answer is on its way.
    Asked,
    /// It serves.
    Ready,
    /// It serves, and has said that it is about to stop.
    Draining,
    /// There is no report. `what` says in which way, `reason` why.
    Silent { what: &'static str, reason: String },
}

/// One of the servers.
#[derive(Debug)]
pub(super) struct Host {
    /// How the user has named it.
    pub(super) name: String,
    pub(super) condition: Condition,
    /// When the last report came, in seconds since the view began; 0 before the first.
    pub(super) heard_s: f64,
    /// Its reports, by the rules of a view of a single server.
    pub(super) screen: Screen,
}

impl Host {
    fn new(name: String, sort: Sort) -> Self {
        Self {
            name,
            condition: Condition::Asked,
            heard_s: 0.0,
            screen: Screen::new(sort),
        }
    }

    /// The newest report, while the server answers.
    pub(super) fn report(&self) -> Option<&Report> {
        match self.condition {
            Condition::Ready | Condition::Draining => self.screen.history.report(),
            Condition::Asked | Condition::Silent { .. } => None,
        }
    }

    /// Requests per second, while the server answers.
    pub(super) fn rate(&self) -> Option<f64> {
        self.report()?;
        self.screen.history.rate(|it| Some(it.requests as f64))
    }

    /// CPU time per second, while the server answers.
    pub(super) fn cpu(&self) -> Option<f64> {
        self.report()?;
        self.screen.history.rate(|it| it.cpu_s)
    }

    fn take(&mut self, seen: Seen, at: f64) {
        if matches!(self.condition, Condition::Silent { .. }) {
            // Another process that answers after an outage has taken the place of the first one.
            self.screen.forget_others(&seen.report);
        }
        self.condition = match seen.is_draining {
            true => Condition::Draining,
            false => Condition::Ready,
        };
        self.heard_s = at;
        self.screen.take(seen.report, at);
    }

    fn lose(&mut self, error: ReportError) {
        let (what, reason) = match error {
            ReportError::NoAnswer { reason, .. } => ("unreachable", reason),
            ReportError::NoStatus { answer, .. } => ("no status", format!("it answers {answer}")),
            ReportError::Ended => ("ended", error.to_string()),
        };
        self.condition = Condition::Silent { what, reason };
    }
}

/// The state of the view.
#[derive(Debug)]
pub(super) struct Hosts {
    /// In the order of the command line.
    pub(super) hosts: Vec<Host>,
    pub(super) sort: Sort,
    /// The workers stand below their hosts; the frame sets it.
    pub(super) shows_workers: bool,
    /// Whether they are to. Without a wish they do if all have room.
    pub(super) wants_workers: Option<bool>,
    pub(super) is_paused: bool,
    /// The meaning of letters and keys is shown instead of the hosts.
    pub(super) shows_help: bool,
    /// The first row that is shown; the frame keeps it in range.
    pub(super) first_row: usize,
    /// Rows that fit on the screen; the frame sets it.
    pub(super) rows: usize,
    /// The time of the last update, in seconds since the view began.
    pub(super) now_s: f64,
}

impl Hosts {
    pub(super) fn new(names: Vec<String>, sort: Sort) -> Self {
        Self {
            hosts: names.into_iter().map(|it| Host::new(it, sort)).collect(),
            sort,
            shows_workers: true,
            wants_workers: None,
            is_paused: false,
            shows_help: false,
            first_row: 0,
            rows: 0,
            now_s: 0.0,
        }
    }

    /// Takes in what one of the servers has said.
    pub(super) fn take(&mut self, update: Update) {
        let Some(host) = self.hosts.get_mut(update.source) else {
            return;
        };
        match update.seen {
            // The screen keeps it for the end of the pause.
            Ok(seen) if self.is_paused => return host.screen.take(seen.report, update.at),
            Err(_) if self.is_paused => return,
            Ok(seen) => host.take(seen, update.at),
            Err(error) => host.lose(error),
        }
        self.now_s = self.now_s.max(update.at);
        // The same columns are the same seconds, also of a server that says nothing.
        for host in &mut self.hosts {
            host.screen.history.pass(self.now_s);
        }
    }

    /// The reason of each server, if none answers.
    pub(super) fn why_none_answers(&self) -> Option<String> {
        let reasons = self.hosts.iter().map(|host| match &host.condition {
            Condition::Silent { what, reason } => Some(format!("{} {what}: {reason}", host.name)),
            _ => None,
        });
        let reasons: Option<Vec<String>> = reasons.collect();
        reasons.map(|it| it.join("; "))
    }

    /// Requests per second of all servers that answer.
    pub(super) fn rate(&self) -> Option<f64> {
        self.hosts
            .iter()
            .filter_map(Host::rate)
            .reduce(|a, b| a + b)
    }

    /// The servers in the chosen order.
    pub(super) fn sorted(&self) -> Vec<&Host> {
        let mut hosts: Vec<&Host> = self.hosts.iter().collect();
        let key = |host: &Host| match self.sort {
            Sort::Rate => -host.rate().unwrap_or(0.0),
            Sort::Cpu => -host.cpu().unwrap_or(0.0),
            Sort::Slot | Sort::Time => 0.0,
        };
        // A stable sort: equal servers stay in the order of the command line.
        hosts.sort_by(|one, other| key(one).total_cmp(&key(other)));
        hosts
    }

    /// Acts on a key; false if the user wants to quit.
    pub(super) fn press(&mut self, key: Key) -> bool {
        let page = self.rows.saturating_sub(1).max(1);
        match key {
            Key::Interrupt | Key::Escape | Key::Char('q') => return false,
            Key::Char('p' | ' ') => self.pause(),
            Key::Char('s') => self.sort_by(self.sort.next()),
            Key::Char('w') => self.wants_workers = Some(!self.shows_workers),
            Key::Char('?' | 'h') => self.shows_help = !self.shows_help,
            Key::Up | Key::Char('k') => self.first_row = self.first_row.saturating_sub(1),
            Key::Down | Key::Char('j') => self.first_row = self.first_row.saturating_add(1),
            Key::PageUp => self.first_row = self.first_row.saturating_sub(page),
            Key::PageDown => self.first_row = self.first_row.saturating_add(page),
            Key::Home => self.first_row = 0,
            Key::End => self.first_row = usize::MAX,
            Key::Char(_) => {}
        }
        true
    }

    pub(super) fn sort_by(&mut self, sort: Sort) {
        self.sort = sort;
        for host in &mut self.hosts {
            host.screen.sort = sort;
        }
    }

    fn pause(&mut self) {
        self.is_paused = !self.is_paused;
        for host in &mut self.hosts {
            host.screen.press(Key::Char('p'));
        }
    }
}
