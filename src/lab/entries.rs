//! The parts of a lab's file that describe servers, requests, and how much is measured.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::bench::budget::warm_up_for;
use crate::bench::request::Kind;

/// What a lab that is data looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Figures of windows, as `servers bench` measures them.
    #[default]
    Windows,
    /// Whether answers are right, as `servers bench --verify time` asks.
    WrongAnswers,
}

/// One server of a lab.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entrant {
    /// The row of its figures.
    pub name: String,
    /// What follows `servers run`. `{application_mib}` stands for the size of the application.
    #[serde(default)]
    pub run: Option<String>,
    /// A server that is not ours, by its name in the bench; left out where it is not installed.
    #[serde(default)]
    pub peer: Option<String>,
    /// Lines of the peer's configuration to change: what stands there, and what should.
    #[serde(default)]
    pub replace: BTreeMap<String, String>,
}

/// One workload: that of the bench with this name, with changes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Load {
    /// In brackets behind the contender's name, where there are several workloads.
    pub name: String,
    /// A workload of `servers bench`.
    #[serde(default = "base_default")]
    pub base: String,
    /// The path of every request.
    #[serde(default)]
    pub path: Option<String>,
    /// Connections, each with one request in flight.
    #[serde(default)]
    pub connections: Option<usize>,
    /// Whether a connection carries several requests.
    #[serde(default)]
    pub keep_alive: Option<bool>,
    /// Several kinds of request instead of the path.
    #[serde(default, rename = "request")]
    pub requests: Vec<Kind>,
}

fn base_default() -> String {
    "hello".to_owned()
}

/// How much is measured.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Size {
    /// Windows of each contender under each workload. Six are the least that have an interval.
    pub rounds: usize,
    /// The length of a window.
    pub window_s: f64,
    /// The same with `--quick`.
    pub quick_rounds: usize,
    /// The same with `--quick`.
    pub quick_window_s: f64,
    /// Load before each window, which is not measured; a quarter of the window, if not given.
    /// Servers that load much need more.
    pub warm_up_s: Option<f64>,
    /// The same with `--quick`.
    pub quick_warm_up_s: Option<f64>,
    /// Requests of each window, instead of a length.
    pub requests: Option<u64>,
    /// The same with `--quick`.
    pub quick_requests: Option<u64>,
    /// Repeat all with so many processors for the server, as far as the machine has them. Rows are
    /// called `NAME@2` then.
    pub cores: Vec<usize>,
    /// Those of them that `--quick` measures with; all, if none is named.
    pub quick_cores: Vec<usize>,
}

impl Default for Size {
    fn default() -> Size {
        Size {
            rounds: 6,
            window_s: 0.5,
            quick_rounds: 2,
            quick_window_s: 0.25,
            warm_up_s: None,
            quick_warm_up_s: None,
            requests: None,
            quick_requests: None,
            cores: Vec::new(),
            quick_cores: Vec::new(),
        }
    }
}

impl Size {
    /// How many windows, and how long each.
    pub(super) fn at(&self, quick: bool) -> (usize, Duration) {
        let (rounds, seconds) = match quick {
            true => (self.quick_rounds, self.quick_window_s),
            false => (self.rounds, self.window_s),
        };
        (rounds, Duration::from_secs_f64(seconds))
    }

    pub(super) fn warm_up(&self, quick: bool) -> Duration {
        let given = if quick {
            self.quick_warm_up_s
        } else {
            self.warm_up_s
        };
        let usual = warm_up_for(self.at(quick).1);
        given.map_or(usual, Duration::from_secs_f64)
    }

    /// Whether so many processors are measured with.
    pub(super) fn has_turn(&self, cores: usize, quick: bool) -> bool {
        !quick || self.quick_cores.is_empty() || self.quick_cores.contains(&cores)
    }
}

/// An application of some size that processes load: `{application_mib}` of a command line.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Application {
    /// Its size in MiB, where the machine has room for all copies.
    pub mib: u64,
    /// The same with `--quick`.
    pub quick_mib: u64,
    /// As many copies as there are at once, at the most.
    pub copies: u64,
}
