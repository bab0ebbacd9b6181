//! The options of `servers run` for its log and its access log.

use std::path::{Path, PathBuf};

use super::config::Origins;
use super::option_conflict::OptionConflict;
use crate::server::{AccessFormat, AccessLog};
use crate::sys::errors::plain;
use crate::sys::log::{self, Level};
use crate::sys::log_files::LogFile;

/// Where lines go, and which lines there are.
#[derive(clap::Args)]
#[command(next_help_heading = "The logs")]
pub(super) struct LogArgs {
    /// Append the log to this file, with the time of each line [default: standard error]. SIGUSR1
    /// opens the file anew, after logrotate has renamed it.
    #[arg(long, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,

    /// The least important lines of the log that are written.
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Least::Info)]
    log_level: Least,

    /// Append a line for each request to this file, `-` for standard output. SIGUSR1 opens it anew
    /// [default: none].
    #[arg(long, value_name = "FILE")]
    pub(super) access_log: Option<PathBuf>,

    /// What a line of the access log says [default: combined].
    #[arg(long, value_name = "FORMAT", value_enum)]
    access_log_format: Option<Format>,

    /// In the access log the client is the last address of X-Forwarded-For. Only behind a proxy
    /// that adds it: otherwise a client can choose what the log says.
    #[arg(long)]
    access_log_forwarded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Least {
    /// What has failed and needs an operator
    Error,
    /// Also what has failed while the server goes on by itself
    Warn,
    /// Also what an operator has asked for, and changes of the pool
    Info,
    /// Also each step of each worker
    Debug,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Client, time, request line, status, bytes (Apache's common)
    Common,
    /// The same with Referer and User-agent (Apache's combined)
    Combined,
    /// The same with the microseconds that the answer took (%D)
    Timed,
}

impl LogArgs {
    /// Checks the options against each other.
    ///
    /// # Errors
    /// An option would have no effect.
    pub(super) fn check(&self) -> Result<(), OptionConflict> {
        let given: [(&'static [&'static str], bool); 2] = [
            (
                &["access-log-format", "access-log"],
                self.access_log_format.is_some(),
            ),
            (
                &["access-log-forwarded", "access-log"],
                self.access_log_forwarded,
            ),
        ];
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((between, _)) if self.access_log.is_none() => {
                let message = format!("--{} needs --access-log FILE", between[0]);
                Err(OptionConflict::between(between, message))
            }
            _ => Ok(()),
        }
    }

    /// Opens the files, before the process gives up its privileges. A successor opens them for
    /// itself.
    ///
    /// # Errors
    /// A file cannot be opened: the server does not start.
    pub(super) fn open(&self, origins: &Origins) -> anyhow::Result<()> {
        self.set_level();
        let files = [
            (LogFile::Log, "log-file", &self.log_file),
            (LogFile::Access, "access-log", &self.access_log),
        ];
        for (file, option, path) in files {
            let Some(path) = path else { continue };
            let opened = match option == "access-log" && path == Path::new("-") {
                true => file.open_stdout(),
                false => file.open(path),
            };
            opened.map_err(|error| {
                let (name, why) = (path.display(), plain(&error));
                let error = anyhow::anyhow!("cannot open --{option} {name}: {why}");
                origins.blame(&[option], error)
            })?;
        }
        Ok(())
    }

    /// Puts the level into force, at the start and with each reload.
    pub(super) fn set_level(&self) {
        log::set_level(match self.log_level {
            Least::Error => Level::Error,
            Least::Warn => Level::Warn,
            Least::Info => Level::Info,
            Least::Debug => Level::Debug,
        });
    }

    /// What a line of the access log says, if there is one.
    pub(super) fn access(&self) -> Option<AccessLog> {
        self.access_log.as_ref()?;
        Some(AccessLog {
            format: match self.access_log_format {
                Some(Format::Common) => AccessFormat::Common,
                Some(Format::Combined) | None => AccessFormat::Combined,
                Some(Format::Timed) => AccessFormat::Timed,
            },
            is_forwarded: self.access_log_forwarded,
        })
    }
}
