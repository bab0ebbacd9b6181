//! Reading a scoreboard, inside the server or from another process.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::last_request::{self, LastRequest};
use super::layout::{ADDRESSES, LAYOUT, header, record};
use super::{LETTER_SHIFT, NAME, SLOTS_MAX, Scoreboard, State, index};
use crate::sys::address::Address;
use crate::sys::shared::{ForeignWords, SharedWords};

/// A scoreboard, to be read only.
pub struct View {
    words: Words,
}

enum Words {
    Own(Arc<SharedWords>),
    Foreign(ForeignWords),
}

/// How many requests a slot has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// The process that has or had the slot; 0 if none ever had.
    pub pid: u32,
    /// Requests answered in this slot, by all its workers so far.
    pub requests: u64,
}

/// The whole record of a slot. Counts are of all the workers that have had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number, from 0.
    pub slot: usize,
    /// The process that has or had it; 0 if none ever had.
    pub pid: u32,
    /// The thread that has or had it.
    pub tid: u32,
    /// The generation of workers that it belongs to; 0 where there is no master.
    pub generation: u64,
    /// What the worker does, or did when it died.
    pub state: State,
    /// When that began, on the monotonic clock in microseconds.
    pub since_us: u64,
    /// Requests answered.
    pub requests: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub open: u64,
    /// Sum of the times from a request's arrival to its answer, in microseconds.
    pub handling_us: u64,
    /// Requests that took longer than `--slow-ms`.
    pub slow: u64,
    /// The last request, which may still be in the handler.
    pub last_request: LastRequest,
}

/// The header: what concerns the whole server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The main process, in its own PID namespace.
    pub pid: u32,
    /// When it started, in milliseconds since 1970.
    pub started_ms: u64,
    /// The same on the monotonic clock in microseconds, which never jumps.
    pub started_us: u64,
    /// The name in `servers list`.
    pub model: String,
    /// The value of `--accept`.
    pub accept: String,
    /// Where it listens.
    pub addresses: Vec<Address>,
    /// Connections that may wait in the accept queue of one listener.
    pub queue_limit: u32,
    /// Clients that were told 503.
    pub rejected: u64,
}

/// How often an event loop was woken for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wakes {
    /// Connections that it has accepted.
    pub accepted: u64,
    /// Times that it was woken for a connection that another loop had accepted by then.
    pub in_vain: u64,
}

impl View {
    /// The scoreboard of the server `pid`, found among its descriptors.
    ///
    /// # Errors
    /// There is no such process, it belongs to another user, it has no scoreboard, or one of
    /// another version of this program.
    pub fn of_process(pid: u32) -> io::Result<Self> {
        let path = find(pid).map_err(|error| explain(pid, error))?;
        let file = File::open(path).map_err(|error| explain(pid, error))?;
        let words = ForeignWords::open(&file)?;
        if words.load(header::LAYOUT) != LAYOUT {
            return Err(io::Error::other(format!(
                "the scoreboard of process {pid} is that of another version of this program"
            )));
        }
        let words = Words::Foreign(words);
        Ok(Self { words })
    }

    /// This process's own scoreboard.
    pub fn of(scoreboard: &Scoreboard) -> Self {
        let words = Words::Own(Arc::clone(&scoreboard.words));
        Self { words }
    }

    /// Reads the header.
    pub fn facts(&self) -> Facts {
        Facts {
            pid: self.load(header::MAIN_PID) as u32,
            started_ms: self.load(header::STARTED_MS),
            started_us: self.load(header::STARTED_US),
            model: self.text(header::MODEL),
            accept: self.text(header::ACCEPT),
            addresses: self
                .text(ADDRESSES)
                .lines()
                .filter_map(Address::parse)
                .collect(),
            queue_limit: self.load(header::QUEUE_LIMIT) as u32,
            rejected: self.load(header::REJECTED),
        }
    }

    /// The counts of every slot up to the highest that a worker has ever entered.
    pub fn counts(&self) -> Vec<Counts> {
        let counts = |slot| Counts {
            pid: self.load(index(slot, record::PID)) as u32,
            requests: self.load(index(slot, record::REQUESTS)),
        };
        (0..self.slots()).map(counts).collect()
    }

    /// The wake-ups of the same slots.
    pub fn wakes(&self) -> Vec<Wakes> {
        let load = |slot, field| self.load(index(slot, field));
        let wakes = |slot| Wakes {
            accepted: load(slot, record::CONNECTIONS),
            in_vain: load(slot, record::IN_VAIN),
        };
        (0..self.slots()).map(wakes).collect()
    }

    /// Every record up to the highest slot that a worker has ever entered.
    pub fn records(&self) -> Vec<Record> {
        (0..self.slots()).map(|slot| self.record(slot)).collect()
    }

    /// The record of one slot.
    pub fn record(&self, slot: usize) -> Record {
        let load = |field| self.load(index(slot, field));
        let state_word = load(record::STATE);
        let state = State::of_letter(char::from((state_word >> LETTER_SHIFT) as u8));
        Record {
            slot,
            pid: load(record::PID) as u32,
            tid: load(record::TID) as u32,
            generation: load(record::GENERATION),
            state,
            since_us: state_word & ((1 << LETTER_SHIFT) - 1),
            requests: load(record::REQUESTS),
            bytes: load(record::BYTES),
            connections: load(record::CONNECTIONS),
            open: load(record::CLIENTS),
            handling_us: load(record::HANDLING_US),
            slow: load(record::SLOW),
            last_request: last_request::read(|word| load(last_request::START + word)),
        }
    }

    /// The CPU time `us` of the whole server or, if it was higher, what an earlier reader found.
    /// While a process ends, its time is for a moment neither its own nor its parent's, and a
    /// counter must not go down. Only readers inside the server share this word.
    pub fn cpu_at_least(&self, us: u64) -> u64 {
        match &self.words {
            Words::Own(words) => words[header::CPU_US].fetch_max(us, Relaxed).max(us),
            Words::Foreign(_) => us,
        }
    }

    fn slots(&self) -> usize {
        let slots = usize::try_from(self.load(header::SLOTS)).unwrap_or(SLOTS_MAX);
        slots.min(SLOTS_MAX)
    }

    fn text(&self, range: Range<usize>) -> String {
        let bytes = range.flat_map(|word| self.load(word).to_ne_bytes());
        let bytes: Vec<u8> = bytes.take_while(|&byte| byte != 0).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(super) fn load(&self, index: usize) -> u64 {
        match &self.words {
            Words::Own(words) => words[index].load(Relaxed),
            Words::Foreign(words) => words.load(index),
        }
    }
}

/// The main processes of all servers that this user may read, lowest ID first.
///
/// # Errors
/// There is no `/proc`.
pub fn running() -> io::Result<Vec<u32>> {
    let mut found: Vec<u32> = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        // Workers have the scoreboard as well, but it names their master.
        .filter(|&pid| View::of_process(pid).is_ok_and(|view| view.facts().pid == pid))
        .collect();
    found.sort_unstable();
    Ok(found)
}

/// The usual errors, as sentences about the process that was asked for.
fn explain(pid: u32, error: io::Error) -> io::Error {
    let sentence = match error.raw_os_error() {
        Some(libc::ENOENT | libc::ESRCH) => format!("there is no process {pid}"),
        Some(libc::EACCES | libc::EPERM) => {
            format!("process {pid} belongs to another user, or did when it started")
        }
        _ => return error,
    };
    io::Error::new(error.kind(), sentence)
}

/// The link in `/proc/PID/fd` that leads to the scoreboard.
fn find(pid: u32) -> io::Result<PathBuf> {
    let name = format!("/memfd:{} ", NAME.to_string_lossy());
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let path = entry?.path();
        // The descriptor may have been closed meanwhile; the scoreboard never is.
        if fs::read_link(&path).is_ok_and(|target| target.to_string_lossy().starts_with(&name)) {
            return Ok(path);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("process {pid} has no scoreboard; is it a running server of this program?"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_errors_become_sentences() {
        for (code, words) in [
            (libc::ENOENT, "there is no process 7"),
            (
                libc::EACCES,
                "process 7 belongs to another user, or did when it started",
            ),
        ] {
            let said = explain(7, io::Error::from_raw_os_error(code)).to_string();
            assert_eq!(said, words);
        }
    }
}
