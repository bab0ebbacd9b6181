//! Asks servers for reports, each on a thread of its own.

use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use super::report_source::{ReportError, ReportSource};
use super::view::Update;

/// When a source is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// For the first time after its interval: there is a report already.
    Later,
    /// At once, and then again and again.
    Now,
    /// At once, and for the last time when so long a time is over.
    For(Duration),
}

/// Asks all sources. Each has a thread: a server that does not answer holds up no other one, and no
/// key. The receiver is closed when no further report will come.
pub(super) fn watch(sources: Vec<ReportSource>, began: Instant, when: When) -> Receiver<Update> {
    let (sender, receiver) = mpsc::channel();
    for (index, mut source) in sources.into_iter().enumerate() {
        let sender = sender.clone();
        thread::spawn(move || {
            let interval = source.interval();
            if when == When::Later {
                thread::sleep(interval);
            }
            // Requests follow a fixed schedule, so each second has one report unless an answer
            // takes longer.
            let mut next = began.elapsed();
            loop {
                let seen = source.look();
                let is_over = matches!(seen, Err(ReportError::Ended));
                let update = Update {
                    source: index,
                    at: began.elapsed().as_secs_f64(),
                    seen,
                };
                if sender.send(update).is_err() || is_over {
                    return;
                }
                next = (next + interval).max(began.elapsed());
                if let When::For(time) = when {
                    if began.elapsed() >= time {
                        return;
                    }
                    next = next.min(time);
                }
                thread::sleep(next.saturating_sub(began.elapsed()));
            }
        });
    }
    receiver
}
