//! Reading a scoreboard, from inside the server or from the outside.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::last_request::{self, LastRequest};
use super::layout::{LAYOUT, header, record};
use super::{LETTER_SHIFT, NAME, SLOTS_MAX, Scoreboard, State, index};
use crate::sys::shared::{ForeignWords, SharedWords};

/// A scoreboard to be read.
pub struct View {
    words: Words,
}

enum Words {
    Own(Arc<SharedWords>),
    Foreign(ForeignWords),
}

/// What a slot has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// The process that has or had the slot; 0 if nobody ever had.
    pub pid: u32,
    /// Requests answered in this slot.
    pub requests: u64,
}

/// All that a slot has to show. Counts are of everybody who has had the slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The slot.
    pub slot: usize,
    /// The process that has or had it; 0 if nobody ever had.
    pub pid: u32,
    /// The thread that has or had it.
    pub tid: u32,
    /// The generation of workers that it belongs to; 0 where there is no master.
    pub generation: u64,
    /// What it does, or did when it died.
    pub state: State,
    /// Since when, on the monotonic clock in microseconds.
    pub since_us: u64,
    /// Requests answered.
    pub requests: u64,
    /// Octets sent.
    pub bytes: u64,
    /// Connections begun.
    pub connections: u64,
    /// Connections open now.
    pub open: u64,
    /// Time from a request's arrival to its answer, summed up, in microseconds.
    pub handling_us: u64,
    /// Requests that took longer than they should have.
    pub slow: u64,
    /// The last request, which may be going on.
    pub last_request: LastRequest,
}

/// What concerns the whole server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The process that the others descend from, as it sees itself.
    pub pid: u32,
    /// When it started, in milliseconds since 1970.
    pub started_ms: u64,
    /// The same on the monotonic clock in microseconds, which nobody sets.
    pub started_us: u64,
    /// The model's name.
    pub model: String,
    /// The accept strategy's name.
    pub accept: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// Connections that may wait in the accept queue of one listener.
    pub queue_limit: u32,
    /// Clients that were told 503.
    pub turned_away: u64,
}

/// How an event loop comes by its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wakes {
    /// Connections that it has accepted.
    pub accepted: u64,
    /// Times that it was woken for a connection which somebody else had taken by then.
    pub in_vain: u64,
}

impl View {
    /// The scoreboard of the server `pid`, found among its descriptors.
    ///
    /// # Errors
    /// There is no such process, it is somebody else's, it has no scoreboard, or one of another
    /// version of this program.
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

    /// The scoreboard of this process itself.
    pub fn of(scoreboard: &Scoreboard) -> Self {
        let words = Words::Own(Arc::clone(&scoreboard.words));
        Self { words }
    }

    /// What concerns the whole server.
    pub fn facts(&self) -> Facts {
        let [high, low] = [header::ADDRESS.start, header::ADDRESS.start + 1]
            .map(|word| u128::from(u64::from_be_bytes(self.load(word).to_ne_bytes())));
        let address = Ipv6Addr::from_bits(high << 64 | low).to_canonical();
        Facts {
            pid: self.load(header::MAIN_PID) as u32,
            started_ms: self.load(header::STARTED_MS),
            started_us: self.load(header::STARTED_US),
            model: self.text(header::MODEL),
            accept: self.text(header::ACCEPT),
            address: SocketAddr::new(address, self.load(header::PORT) as u16),
            queue_limit: self.load(header::QUEUE_LIMIT) as u32,
            turned_away: self.load(header::TURNED_AWAY),
        }
    }

    /// Every slot up to the highest that was ever taken.
    pub fn counts(&self) -> Vec<Counts> {
        let counts = |slot| Counts {
            pid: self.load(index(slot, record::PID)) as u32,
            requests: self.load(index(slot, record::REQUESTS)),
        };
        (0..self.slots()).map(counts).collect()
    }

    /// The same slots, with how they came by their connections.
    pub fn wakes(&self) -> Vec<Wakes> {
        let load = |slot, field| self.load(index(slot, field));
        let wakes = |slot| Wakes {
            accepted: load(slot, record::CONNECTIONS),
            in_vain: load(slot, record::IN_VAIN),
        };
        (0..self.slots()).map(wakes).collect()
    }

    /// Every record up to the highest slot that was ever taken.
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

    /// The CPU time `us` of the whole server or, if more has been seen before, that. While a
    /// process ends, its time is for a moment neither its own nor its parent's; a counter must not
    /// go down for that. Only inside the server do the readers know of each other.
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
        let octets = range.flat_map(|word| self.load(word).to_ne_bytes());
        let octets: Vec<u8> = octets.take_while(|&octet| octet != 0).collect();
        String::from_utf8_lossy(&octets).into_owned()
    }

    pub(super) fn load(&self, index: usize) -> u64 {
        match &self.words {
            Words::Own(words) => words[index].load(Relaxed),
            Words::Foreign(words) => words.load(index),
        }
    }
}

/// The main processes of all servers that this user may look at, lowest first.
///
/// # Errors
/// There is no `/proc`.
pub fn running() -> io::Result<Vec<u32>> {
    let mut found: Vec<u32> = fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        // Workers hold the scoreboard as well, but it names another process.
        .filter(|&pid| View::of_process(pid).is_ok_and(|view| view.facts().pid == pid))
        .collect();
    found.sort_unstable();
    Ok(found)
}

/// The errors that are to be expected, in the words of whoever asked for that process.
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

/// The link in `/proc/PID/fd` that leads to it.
fn find(pid: u32) -> io::Result<PathBuf> {
    let name = format!("/memfd:{} ", NAME.to_string_lossy());
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let path = entry?.path();
        // A descriptor that was closed meanwhile is none that is looked for.
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
    fn who_cannot_be_looked_at_is_said_in_words() {
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
