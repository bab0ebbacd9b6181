//! Reading a scoreboard from the outside.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use super::{LAYOUT, NAME, SLOTS_MAX, Scoreboard, header, index, record};
use crate::sys::shared::ForeignWords;

/// The scoreboard of another process.
pub struct View {
    pub(super) words: ForeignWords,
}

/// What a slot has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// The process that has or had the slot; 0 if nobody ever had.
    pub pid: u32,
    /// Requests answered in this slot.
    pub requests: u64,
}

impl View {
    /// The scoreboard of the server `pid`, found among its descriptors.
    ///
    /// # Errors
    /// There is no such process, it is somebody else's, it has no scoreboard, or one of another
    /// version of this program.
    pub fn of_process(pid: u32) -> io::Result<Self> {
        let path = find(pid)?;
        let words = ForeignWords::open(&File::open(path)?)?;
        let view = Self { words };
        if view.words.load(header::LAYOUT) != LAYOUT {
            return Err(io::Error::other(format!(
                "the scoreboard of process {pid} is that of another version of this program"
            )));
        }
        Ok(view)
    }

    /// The scoreboard of this process itself.
    ///
    /// # Errors
    /// It cannot be mapped once more.
    pub fn of(scoreboard: &Scoreboard) -> io::Result<Self> {
        let words = scoreboard.words.foreign()?;
        Ok(Self { words })
    }

    /// Every slot up to the highest that was ever taken.
    pub fn counts(&self) -> Vec<Counts> {
        let slots = usize::try_from(self.words.load(header::SLOTS)).unwrap_or(SLOTS_MAX);
        (0..slots.min(SLOTS_MAX))
            .map(|slot| Counts {
                pid: self.words.load(index(slot, record::PID)) as u32,
                requests: self.words.load(index(slot, record::REQUESTS)),
            })
            .collect()
    }
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
