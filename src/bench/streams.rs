//! The output of a server under test: its first line, and its last line of standard error.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::waiting::wait_until;

/// Characters of the last line that an exit reason repeats.
const LINE_MAX: usize = 200;

/// Sends the first line once it is there; hangs up without one when the stream ends. Reads on to
/// the end, so that the server never waits for a reader.
pub(super) fn first_line_of(stdout: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stdout?);
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? > 0 {
            sender.send(line).ok()?;
        }
        drop(sender);
        io::copy(&mut reader, &mut io::sink()).ok()
    });
    receiver
}

/// The last line that a server wrote to its standard error.
pub(super) struct StderrTail {
    line: Arc<Mutex<Option<String>>>,
    reader: thread::JoinHandle<()>,
}

impl StderrTail {
    pub(super) fn of(stderr: Option<impl Read + Send + 'static>) -> StderrTail {
        let line = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&line);
        let reader = thread::spawn(move || {
            let lines = stderr.map(|stream| BufReader::new(stream).split(b'\n'));
            for line in lines.into_iter().flatten().map_while(Result::ok) {
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                if !text.is_empty() {
                    let text = text.chars().take(LINE_MAX).collect();
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
                }
            }
        });
        StderrTail { line, reader }
    }

    /// The line, once the server has ended. A process that it left may hold the stream open, so
    /// this waits for the reader no longer than `patience`.
    pub(super) fn get(&self, patience: Duration) -> Option<String> {
        wait_until(patience, || self.reader.is_finished().then_some(()));
        self.line
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
