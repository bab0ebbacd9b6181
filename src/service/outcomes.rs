//! What became of the last reload, of the last upgrade and of the whole server, for `servers ctl`.
//!
//! A signal has no answer: `kill` succeeds if the process exists, whatever comes of it. So a master
//! writes what has come of it into memory that another program finds in `/proc/PID/fd` and maps.
//! The mapping outlives the server, so that the reader also learns how that has ended.
//!
//! The scoreboard is no place for it: every worker can write there, and a client that has taken one
//! over could tell the operator that a reload has succeeded. This memory no worker has.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::fence;

use crate::sys::private::Private;
use crate::sys::shared::{ForeignWords, PrivateWords, SharedWords};

/// The name by which `/proc/PID/fd` shows it.
const NAME: &str = "servers-outcomes";
/// A reader of another version would misread the memory.
const LAYOUT: u64 = 1;
/// Words of a sentence. A longer one is cut.
const TEXT: usize = 64;
/// Words of a command: begun, ended, whether it has succeeded, a sentence.
const COMMAND: usize = 3 + TEXT;
const WORDS: usize = 2 + 2 * COMMAND;
/// How the server has ended: 0 as long as it has not.
const END: usize = 1;
const IN_ORDER: u64 = 1;
const FAILED: u64 = 2;

/// What an operator may ask a master for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlCommand {
    /// SIGHUP.
    Reload,
    /// SIGUSR2.
    Upgrade,
}

impl ControlCommand {
    const fn start(self) -> usize {
        2 + self as usize * COMMAND
    }
}

/// The memory, in the process that writes it.
pub struct Outcomes {
    words: PrivateWords,
    /// Children close it, so that none can map the memory.
    _private: Private,
    _memory: OwnedFd,
}

/// The memory, as another program sees it.
pub struct OutcomesView {
    words: ForeignWords,
}

/// How far a command is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How often it was begun since the server started.
    pub begun: u64,
    /// How many of these have come to an end. Several that overlap have one end.
    pub ended: u64,
    /// What the last end was: a sentence in either case.
    pub result: Result<String, String>,
}

impl Outcomes {
    /// Nothing was asked for yet.
    ///
    /// # Errors
    /// ENOMEM, EMFILE or ENFILE.
    pub fn create() -> nix::Result<Self> {
        let words = SharedWords::create(c"servers-outcomes", WORDS)?;
        words[0].store(LAYOUT, Relaxed);
        let (words, memory) = words.without_children()?;
        Ok(Self {
            words,
            _private: Private::note(&memory),
            _memory: memory,
        })
    }

    /// An operator has asked for it.
    pub fn begin(&self, command: ControlCommand) {
        self.words[command.start()].fetch_add(1, Release);
    }

    /// It has come to an end, with all that were begun and have not ended. Without such this does
    /// nothing.
    pub fn end(&self, command: ControlCommand, result: Result<&str, &str>) {
        let start = command.start();
        let begun = self.words[start].load(Relaxed);
        if self.words[start + 1].load(Relaxed) == begun {
            return;
        }
        let (is_good, text) = match result {
            Ok(text) => (1, text),
            Err(text) => (0, text),
        };
        let mut bytes = text.bytes().chain(std::iter::repeat(0));
        for word in text_of(command) {
            let of_word = std::array::from_fn(|_| bytes.next().unwrap_or(0));
            self.words[word].store(u64::from_ne_bytes(of_word), Relaxed);
        }
        self.words[start + 2].store(is_good, Relaxed);
        self.words[start + 1].store(begun, Release);
    }

    /// The server ends now.
    pub fn end_server(&self, is_in_order: bool) {
        let how = if is_in_order { IN_ORDER } else { FAILED };
        self.words[END].store(how, Relaxed);
    }
}

impl OutcomesView {
    /// The outcomes of the server `pid`.
    ///
    /// # Errors
    /// There is no such process, it belongs to another user, or it is no server of this version.
    pub fn of_process(pid: u32) -> io::Result<Self> {
        let name = format!("/memfd:{NAME} ");
        for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
            let path = entry?.path();
            let target = fs::read_link(&path).unwrap_or_default();
            if !target.to_string_lossy().starts_with(&name) {
                continue;
            }
            let words = ForeignWords::open(&File::open(&path)?)?;
            if words.load(0) != LAYOUT {
                let why = format!("process {pid} is a server of another version of this program");
                return Err(io::Error::other(why));
            }
            return Ok(Self { words });
        }
        Err(io::Error::other(format!(
            "process {pid} is no server of this program"
        )))
    }

    /// How far a command is.
    pub fn progress(&self, command: ControlCommand) -> Progress {
        let start = command.start();
        // Before the sentence: the writer counts after it has written that.
        let (begun, ended) = (self.words.load(start), self.words.load(start + 1));
        fence(Acquire);
        let bytes = text_of(command).flat_map(|word| self.words.load(word).to_ne_bytes());
        let bytes: Vec<u8> = bytes.take_while(|&byte| byte != 0).collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let result = match self.words.load(start + 2) {
            0 => Err(text),
            _ => Ok(text),
        };
        Progress {
            begun,
            ended,
            result,
        }
    }

    /// Whether the server has ended in good order. `None` if it has not ended, or had no time to
    /// say how: it was killed, or a signal has ended it at once.
    pub fn end(&self) -> Option<bool> {
        match self.words.load(END) {
            0 => None,
            how => Some(how == IN_ORDER),
        }
    }
}

fn text_of(command: ControlCommand) -> Range<usize> {
    let start = command.start() + 3;
    start..start + TEXT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_reads_what_has_come_of_it() {
        let outcomes = Outcomes::create().unwrap();
        let view = OutcomesView::of_process(std::process::id()).unwrap();
        outcomes.end(ControlCommand::Reload, Ok("nothing was asked for"));
        let progress = view.progress(ControlCommand::Reload);
        assert_eq!((progress.begun, progress.ended), (0, 0));
        assert_eq!(progress.result, Err(String::new()));
        outcomes.begin(ControlCommand::Reload);
        outcomes.begin(ControlCommand::Reload);
        assert_eq!(view.progress(ControlCommand::Reload).begun, 2);
        outcomes.end(
            ControlCommand::Reload,
            Err("servers.toml:1: workers: wrong"),
        );
        outcomes.begin(ControlCommand::Upgrade);
        outcomes.end(ControlCommand::Upgrade, Ok(&"x".repeat(1000)));
        let reload = view.progress(ControlCommand::Reload);
        assert_eq!((reload.begun, reload.ended), (2, 2));
        assert_eq!(
            reload.result,
            Err("servers.toml:1: workers: wrong".to_owned())
        );
        let upgrade = view.progress(ControlCommand::Upgrade);
        assert_eq!(upgrade.result, Ok("x".repeat(TEXT * size_of::<u64>())));
        assert_eq!(view.end(), None);
        outcomes.end_server(true);
        drop(outcomes);
        assert_eq!(view.end(), Some(true), "the mapping outlives its maker");
    }
}
