//! What will be run, in which order, and how long that takes. Pure.

use std::fmt;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::budget::OVERHEAD;
use super::contender::Contender;
use super::workload::Workload;
use crate::load::Expectation;

/// What a request with a connection of its own may take where that is not known: the mean of dear
/// and cheap models, some 300 and some 60 µs.
const REQUEST: Duration = Duration::from_micros(100);
/// To open a connection, ask once and close it, where that is not known: some models fork for each.
const IDLE_CLIENT: Duration = Duration::from_micros(200);
/// The warm-up's part of a window that a number of requests ends.
const WARM_UP_PART: f64 = 0.1;

/// The whole experiment: every contender runs once under every workload of every block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The contenders, in the order in which they were named.
    pub contenders: Vec<Contender>,
    /// Which of them the others are compared with.
    #[serde(default)]
    pub reference: usize,
    /// Whether the reference runs a second time in each block, under another name (A/A).
    #[serde(default)]
    pub twin: bool,
    /// Options that every server has; they are among each contender's arguments, too.
    #[serde(default)]
    pub options: Vec<String>,
    /// The workloads of the blocks, in the order in which a contender meets them.
    pub workloads: Vec<Workload>,
    /// Workloads of which each contender has one window, after the blocks: a look, no ranking.
    #[serde(default)]
    pub looks: Vec<Workload>,
    /// Requests per second, rising: each workload is measured as an open loop at each of these
    /// rates, the same for all contenders. None for the workloads as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<f64>,
    /// What the answers at a rate have to keep; the highest rate that does is a contender's knee.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expectation>,
    /// Processors of the server, where they are not to be half of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_cores: Option<usize>,
    /// Processors of the generator, where they are not to be all that the server leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_cores: Option<usize>,
    /// Repetitions of the whole; with [`Plan::until`], the least number of them.
    pub blocks: usize,
    /// Blocks are added until the intervals are this narrow: 0.05 for ±5 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
    /// With [`Plan::until`]: no block begins after this time.
    #[serde(rename = "max_time_s", with = "super::seconds")]
    pub max_time: Duration,
    /// Load before the window, not measured.
    #[serde(rename = "warm_up_s", with = "super::seconds")]
    pub warm_up: Duration,
    /// The part that is measured.
    #[serde(rename = "window_s", with = "super::seconds")]
    pub window: Duration,
    /// Where it is given, a window ends after so many requests instead of after a time, and the
    /// warm-up after a tenth of them.
    #[serde(default)]
    pub requests: Option<u64>,
    /// Decides the order within every block.
    pub seed: u64,
}

impl Plan {
    /// All that run in a block: the contenders, then the reference's twin.
    pub fn entrants(&self) -> Vec<Contender> {
        let twin = self.contenders.get(self.reference).filter(|_| self.twin);
        let contenders = self.contenders.iter().cloned();
        contenders.chain(twin.map(Contender::twin)).collect()
    }

    /// The name of this contender's twin, if it is the reference.
    pub(super) fn twin_of(&self, contender: &str) -> Option<String> {
        let reference = self.contenders.get(self.reference)?;
        let has_one = self.twin && reference.name == contender;
        has_one.then(|| reference.twin().name)
    }

    /// For every block, without end, the indices of the entrants in the order in which they run.
    ///
    /// Each block is a shuffle of all of them, so that a machine that gets slower in the course of
    /// the experiment gets slower for all alike.
    pub fn orders(&self) -> impl Iterator<Item = Vec<usize>> {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut order: Vec<usize> = (0..self.entrants().len()).collect();
        std::iter::repeat_with(move || {
            random.shuffle(&mut order);
            order.clone()
        })
    }

    /// As a file for `servers bench --plan`.
    ///
    /// # Errors
    /// The seed is beyond what TOML can hold.
    pub fn to_toml(&self) -> io::Result<String> {
        toml::to_string(self).map_err(io::Error::other)
    }

    /// What a contender meets in each block: every workload, at every rate if there are rates.
    pub fn steps(&self) -> Vec<Workload> {
        if self.rates.is_empty() {
            return self.workloads.clone();
        }
        let at_rates = |workload: &Workload| {
            let rates = self.rates.iter();
            rates
                .map(|rate| workload.at_rate(*rate))
                .collect::<Vec<_>>()
        };
        self.workloads.iter().flat_map(at_rates).collect()
    }

    /// How many windows there are in all, repetitions of disturbed ones aside.
    pub fn runs(&self) -> usize {
        let in_blocks = self.entrants().len() * self.steps().len() * self.blocks;
        in_blocks + self.contenders.len() * self.looks.len()
    }

    /// How many disturbed windows may be measured again: one in `REPEATS_PART`.
    pub fn repeats_max(&self) -> usize {
        self.runs().div_ceil(REPEATS_PART)
    }

    /// About how long the whole takes; for windows of a number of requests it is a guess.
    pub fn estimate(&self) -> Duration {
        let slots =
            |workloads: &[Workload]| -> Duration { workloads.iter().map(|it| self.slot(it)).sum() };
        let in_blocks = slots(&self.steps()) * (self.entrants().len() * self.blocks) as u32;
        in_blocks + slots(&self.looks) * self.contenders.len() as u32
    }

    /// About how long one run under this workload takes, from the start of its server to its end.
    pub fn slot(&self, workload: &Workload) -> Duration {
        let loaded = match self.requests {
            Some(requests) => REQUEST.mul_f64(requests as f64 * (1.0 + WARM_UP_PART)),
            None => self.warm_up + self.window,
        };
        loaded + OVERHEAD + extra(workload)
    }

    /// What all runs together take for connections beside the load.
    pub fn extra(&self) -> Duration {
        let extras = |workloads: &[Workload]| -> Duration { workloads.iter().map(extra).sum() };
        let in_blocks = extras(&self.steps()) * (self.entrants().len() * self.blocks) as u32;
        in_blocks + extras(&self.looks) * self.contenders.len() as u32
    }

    /// The warm-up of a window of so many requests.
    pub fn warm_up_requests(requests: u64) -> u64 {
        (requests as f64 * WARM_UP_PART) as u64
    }

    /// The workload of this name, in blocks or looked at.
    pub fn workload(&self, name: &str) -> Option<&Workload> {
        let mut all = self.workloads.iter().chain(&self.looks);
        all.find(|workload| workload.name == name)
    }

    /// The most connections that a server holds under any workload.
    pub fn connections_max(&self) -> usize {
        let all = self.workloads.iter().chain(&self.looks);
        all.map(Workload::connections_in_all).max().unwrap_or(0)
    }
}

/// What it takes to open, settle and close the connections beside the load.
fn extra(workload: &Workload) -> Duration {
    IDLE_CLIENT * workload.idle_clients() as u32
}

/// Of so many windows one may be repeated: a machine that is always busy must not keep a bench from
/// ending.
const REPEATS_PART: usize = 5;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = if self.twin { " + 1 again" } else { "" };
        write!(
            f,
            "{}{again} × {} × {} × ",
            counted(self.contenders.len(), "server"),
            counted(self.workloads.len(), "workload"),
            counted(self.blocks, "block"),
        )?;
        match self.requests {
            Some(requests) => write!(f, "{requests} requests")?,
            None => write!(f, "{} s", Rounded(self.window.as_secs_f64()))?,
        }
        if !self.looks.is_empty() {
            write!(f, ", a look at {} more", self.looks.len())?;
        }
        match self.until {
            None => write!(f, ", about {}", Clock(self.estimate())),
            Some(until) => write!(
                f,
                ", more until all intervals are within ±{} %, at most {}",
                Rounded(until * 100.0),
                Clock(self.max_time)
            ),
        }
    }
}

/// `1 block`, `5 blocks`.
pub fn counted(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

/// A number without trailing zeros, to three decimals.
struct Rounded(f64);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", (self.0 * 1000.0).round() / 1000.0)
    }
}

/// `40 s`, `1 min 40 s`. Rounded up: it is a promise.
pub struct Clock(pub Duration);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs_f64().ceil() as u64 {
            seconds @ 0..=99 => write!(f, "{seconds} s"),
            seconds => write!(f, "{} min {} s", seconds / 60, seconds % 60),
        }
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
pub(crate) mod tests;
