//! A directory for what the bench saves and for what recipes of peers need.

use std::fs;
use std::path::{Path, PathBuf};

use super::problem::Problem;
use crate::bench::contender::Contender;
use crate::bench::peers;

/// The directory, removed in the end.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Result<Scratch, Problem> {
        let name = format!("servers-lab-{}-{}", std::process::id(), fastrand::u32(..));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).map_err(Problem::io("cannot create a directory"))?;
        Ok(Scratch(directory))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The peer of this name. The inner error says how to install it.
    pub(super) fn peer(&self, name: &str) -> Result<Result<Contender, String>, Problem> {
        let found = peers::named(name, &self.0);
        found.ok_or_else(|| Problem::Other(format!("'{name}' is no peer of the bench")))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
