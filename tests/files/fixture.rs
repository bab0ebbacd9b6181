//! A server of one model with a root of its own.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::support::server::Server;
use crate::support::wire::{self, Answer};

/// The modification time of all files of a fixture, without its half second.
pub(crate) const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

pub(crate) fn modified() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(784_111_777_500)
}

pub(crate) struct Fixture {
    pub(crate) server: Server,
    /// Holds the directory `root` and, beside it, files that must not be served.
    directory: TempDir,
}

impl Fixture {
    /// Starts the server. It has one worker, so a model with a pool answers all requests from the
    /// same one.
    pub(crate) fn start(model: &str) -> Self {
        Self::start_with(model, &[])
    }

    /// As [`Fixture::start`], with further options.
    pub(crate) fn start_with(model: &str, further: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        fs::create_dir(&root).unwrap();
        let options = ["--workers", "1", "--root", root.to_str().unwrap()];
        Self {
            server: Server::start(model, &[&options, further].concat()),
            directory,
        }
    }

    /// The path of a file in the root, or beside it with `..`.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("root").join(name)
    }

    /// Writes a file with [`modified`] as its modification time, and makes its directories.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> File {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(modified()).unwrap();
        file
    }

    /// The answer to one request on a connection of its own; `fields` are whole lines.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, target: &str, fields: &[&str]) -> Answer {
        let client = self.server.connect();
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: test\r\n");
        for line in fields.iter().chain(&["Connection: close", ""]) {
            request = request + line + "\r\n";
        }
        wire::send(&client, request.as_bytes());
        let (bytes, reset) = wire::read_to_end(&client);
        assert!(!reset, "{method} {target} {fields:?}: reset");
        let mut rest = &bytes[..];
        let answer = Answer::take(&mut rest, method == "HEAD").unwrap();
        assert!(
            rest.is_empty(),
            "{method} {target} {fields:?}: more than an answer"
        );
        answer
    }

    #[track_caller]
    pub(crate) fn get(&self, target: &str, fields: &[&str]) -> Answer {
        self.ask("GET", target, fields)
    }

    /// Gets a target and expects this status.
    #[track_caller]
    pub(crate) fn expect(&self, target: &str, status: u16) -> Answer {
        let answer = self.get(target, &[]);
        assert_eq!(answer.status(), status, "{target}: {}", answer.text());
        answer
    }
}
