//! What will be run, in which order, and how long that takes. Pure.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::budget::OVERHEAD;

/// What a request with a connection of its own may take, where nobody knows: the mean of dear and
/// cheap models, some 300 and some 60 µs.
const REQUEST: Duration = Duration::from_micros(100);
/// The warm-up's part of a window that a number of requests ends.
const WARM_UP_PART: f64 = 0.1;

/// One thing that is compared: a command line of `servers run` under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contender {
    /// What the tables call it.
    pub name: String,
    /// What follows `servers run`: the model, then its options.
    pub arguments: Vec<String>,
    /// Whether a worker lives as long as the server, so that it makes sense to ask how the load was
    /// shared; not so where each connection has a worker of its own.
    #[serde(default)]
    pub workers_last: bool,
}

impl Contender {
    /// The command line `arguments` of `servers run` under its own words as a name.
    pub fn new(arguments: &[&str]) -> Contender {
        Contender {
            name: arguments.join(" "),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            workers_last: true,
        }
    }
}

/// How the clients use their connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// A new connection for each request.
    Close,
    /// As many requests over a connection as the server allows.
    KeepAlive,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scenario::Close => "a connection per request",
            Scenario::KeepAlive => "keep-alive",
        })
    }
}

/// The whole experiment: every contender runs once in every scenario of every block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Who is compared, in the order of the table.
    pub contenders: Vec<Contender>,
    /// Options that every server has; they are among each contender's arguments, too.
    #[serde(default)]
    pub options: Vec<String>,
    /// The scenarios, in the order in which a contender meets them.
    pub scenarios: Vec<Scenario>,
    /// Repetitions of the whole.
    pub blocks: usize,
    /// Connections of the closed loop.
    pub connections: usize,
    /// The path that is asked for.
    pub path: String,
    /// Load before the window, thrown away.
    #[serde(rename = "warm_up_s", with = "super::seconds")]
    pub warm_up: Duration,
    /// What is measured.
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
    /// For every block the indices of the contenders in the order in which they run.
    ///
    /// Each block is a shuffle of all of them, so that a machine that gets slower in the course of
    /// the experiment gets slower for all alike.
    pub fn orders(&self) -> Vec<Vec<usize>> {
        let mut random = fastrand::Rng::with_seed(self.seed);
        let mut order: Vec<usize> = (0..self.contenders.len()).collect();
        (0..self.blocks)
            .map(|_| {
                random.shuffle(&mut order);
                order.clone()
            })
            .collect()
    }

    /// How many windows there are in all.
    pub fn runs(&self) -> usize {
        self.contenders.len() * self.scenarios.len() * self.blocks
    }

    /// About how long the whole takes. Nobody knows how long a number of requests takes; it is a
    /// guess.
    pub fn estimate(&self) -> Duration {
        let loaded = match self.requests {
            Some(requests) => REQUEST.mul_f64(requests as f64 * (1.0 + WARM_UP_PART)),
            None => self.warm_up + self.window,
        };
        (loaded + OVERHEAD).mul_f64(self.runs() as f64)
    }

    /// The warm-up of a window of so many requests.
    pub fn warm_up_requests(requests: u64) -> u64 {
        (requests as f64 * WARM_UP_PART) as u64
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} × {} × {} × ",
            counted(self.contenders.len(), "server"),
            counted(self.scenarios.len(), "scenario"),
            counted(self.blocks, "block"),
        )?;
        match self.requests {
            Some(requests) => write!(f, "{requests} requests")?,
            None => write!(f, "{} s", Rounded(self.window.as_secs_f64()))?,
        }
        write!(f, ", about {}", Clock(self.estimate()))
    }
}

/// `1 block`, `5 blocks`.
pub fn counted(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

/// Seconds without trailing zeros.
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
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn plan(contenders: usize, blocks: usize, seed: u64) -> Plan {
        Plan {
            contenders: (0..contenders)
                .map(|n| Contender::new(&[&n.to_string()]))
                .collect(),
            options: Vec::new(),
            scenarios: vec![Scenario::Close, Scenario::KeepAlive],
            blocks,
            connections: 16,
            path: "/".to_owned(),
            warm_up: Duration::from_millis(375),
            window: Duration::from_millis(1500),
            requests: None,
            seed,
        }
    }

    proptest! {
        #[test]
        fn every_block_has_every_contender_once(
            contenders in 1usize..12, blocks in 1usize..9, seed: u64,
        ) {
            let orders = plan(contenders, blocks, seed).orders();
            prop_assert_eq!(orders.len(), blocks);
            for mut order in orders {
                order.sort_unstable();
                prop_assert_eq!(order, (0..contenders).collect::<Vec<_>>());
            }
        }

        #[test]
        fn the_same_seed_gives_the_same_orders(seed: u64) {
            prop_assert_eq!(plan(5, 5, seed).orders(), plan(5, 5, seed).orders());
        }
    }

    #[test]
    fn the_order_differs_from_block_to_block() {
        let orders = plan(11, 5, 7).orders();
        assert!(orders.iter().any(|order| *order != orders[0]));
    }

    #[test]
    fn a_plan_says_what_it_will_do() {
        let said = plan(4, 5, 0).to_string();
        assert_eq!(
            said,
            "4 servers × 2 scenarios × 5 blocks × 1.5 s, about 79 s"
        );
        assert_eq!(Clock(Duration::from_secs(100)).to_string(), "1 min 40 s");
    }
}
