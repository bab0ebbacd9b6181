//! A server that takes part in a bench: a model with its options, another build, or any command.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What `servers run` takes by itself, which is not to become less.
const MAX_CONNECTIONS_DEFAULT: usize = 1024;
const BACKLOG_DEFAULT: usize = 511;
/// More is not asked of listen(2): it is SOMAXCONN, and the kernel caps it there or below.
const BACKLOG_MAX: usize = 4096;

/// A server that takes part, under the name that the tables have for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contender {
    /// What the tables call it.
    pub name: String,
    /// What follows `servers run`: the model, then its options. Empty for a foreign server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Another build of `servers`; none for the one that measures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<PathBuf>,
    /// A server that is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
    /// Whether a worker lives as long as the server, so that it makes sense to ask how the load was
    /// shared; not so where each connection has a worker of its own.
    #[serde(default)]
    pub workers_last: bool,
}

/// How to run a server that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// Program and arguments; `{port}` stands for the port that the bench has chosen.
    pub command: Vec<String>,
    /// How to see that it is ready.
    #[serde(default)]
    pub ready: Ready,
    /// The signal that asks it to stop.
    #[serde(default = "stop_default")]
    pub stop: String,
    /// Files that it finds in a directory of its own, by name; `{dir}` stands for that directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

/// How to see that a foreign server is ready.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ready {
    /// It answers GET / over HTTP, with whatever status.
    #[default]
    Answers,
    /// It takes a connection.
    Connects,
    /// It answers GET of this path with a status below 400.
    Path(String),
}

fn stop_default() -> String {
    Foreign::STOP_DEFAULT.to_owned()
}

impl Foreign {
    /// What stands for the port in a command.
    pub const PORT: &str = "{port}";
    /// What stands for the directory of its files.
    pub const DIRECTORY: &str = "{dir}";
    /// Asks nearly every server to stop.
    pub const STOP_DEFAULT: &str = "SIGTERM";
}

impl Contender {
    /// The command line `arguments` of `servers run` under its own words as a name.
    pub fn new(arguments: &[&str]) -> Contender {
        Contender {
            name: arguments.join(" "),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            program: None,
            foreign: None,
            workers_last: true,
        }
    }

    /// Adds an option of `servers run`, unless the contender has it.
    pub(super) fn add(&mut self, name: &str, value: &str) {
        let has_it = self.arguments.iter().any(|argument| {
            let rest = argument.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        });
        if !has_it && self.foreign.is_none() {
            self.arguments.extend([name.to_owned(), value.to_owned()]);
        }
    }

    /// The same with its own limits moved out of the way of so many connections: what breaks should
    /// be the model and not a default.
    pub(super) fn with_room_for(&self, connections: usize) -> Contender {
        let mut contender = self.clone();
        // A connection that the client has closed may still be there for a moment.
        if 2 * connections > MAX_CONNECTIONS_DEFAULT {
            contender.add("--max-connections", &(2 * connections).to_string());
        }
        if connections > BACKLOG_DEFAULT {
            contender.add("--backlog", &connections.min(BACKLOG_MAX).to_string());
        }
        contender
    }

    /// The same server once more, for the comparison of the reference with itself.
    pub(super) fn twin(&self) -> Contender {
        Contender {
            name: format!("{} (again)", self.name),
            ..self.clone()
        }
    }
}
