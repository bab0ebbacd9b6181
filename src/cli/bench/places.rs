//! Where results go. They are never overwritten silently.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;

use super::Args;
use crate::bench::environment::utc;
use crate::bench::{results, sweep};

/// The directory in which benches without `--out` put theirs.
const PARENT: &str = "bench-results";

impl Args {
    /// Creates the directory of the results, before anything is measured in vain.
    pub(super) fn directory(&self) -> anyhow::Result<PathBuf> {
        let Some(chosen) = &self.out else {
            return by_time().with_context(|| format!("cannot create a directory in {PARENT}"));
        };
        let has_results = [results::FILE_NAME, sweep::FILE_NAME]
            .iter()
            .any(|name| chosen.join(name).exists());
        if has_results && !self.overwrite {
            super::refuse(format!(
                "{} has results already: choose another directory, or say --overwrite",
                chosen.display()
            ));
        }
        fs::create_dir_all(chosen)
            .with_context(|| format!("cannot create {}", chosen.display()))?;
        Ok(chosen.clone())
    }
}

/// A new directory that bears the time. A second bench of the same second gets a number as well.
fn by_time() -> io::Result<PathBuf> {
    fs::create_dir_all(PARENT)?;
    let time = utc(SystemTime::now()).replace(':', "");
    for number in 1.. {
        let name = match number {
            1 => time.clone(),
            _ => format!("{time}-{number}"),
        };
        let directory = Path::new(PARENT).join(name);
        match fs::create_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return created.map(|()| directory),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
