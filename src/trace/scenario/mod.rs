//! A fixed scene of clients that get into each other's way, told by a file: who connects when, and
//! does what. Each model's rule says before the run which clients have to wait for which.
//!
//! ```toml
//! question = "One slow, one silent and four quick clients: who waits for whom?"
//! holders = ["slow", "silent"]      # they may make others wait
//! waiters = ["quick 2", "quick 3"]  # they may have to wait
//!
//! [[step]]
//! do = "begin"                      # connects, and sends a request without its last byte
//! client = "slow"
//! path = "/"
//! [[step]]
//! do = "ask"                        # connects, and sends a request
//! client = "quick 2"
//! path = "/"
//! [[step]]
//! do = "settle"                     # until each client that need not wait has its answer
//! [[step]]
//! do = "finish"                     # sends the last byte
//! client = "slow"
//!
//! [[model]]
//! name = "prefork"
//! run = "--workers 2"
//! waits-for = ["slow"]
//! rule = "Each connection occupies a worker until it ends."
//! ```
//!
//! Further steps: `connect` sends nothing, `await` waits for a client's answer, `close` closes a
//! connection.
//!
//! A verdict rests on orders only. A client has waited for a holder if its answer came after the
//! holder's release: after the handler of the holder's request has returned, or after the holder's
//! close if it asks nothing. No duration decides. A pause that is too short could only miss a wait
//! that is expected, and then the next step shows it.

mod actor;
mod play;
mod verdict;

use serde::Deserialize;

pub use play::{PlayError, play};
pub use verdict::{Waits, verdict};

/// A scene, as its file tells it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows.
    pub question: String,
    /// Clients that others may have to wait for, in the order of their release.
    pub holders: Vec<String>,
    /// Clients that may have to wait for these.
    pub waiters: Vec<String>,
    /// What happens, in order.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
    /// What each model's rule says of it.
    #[serde(rename = "model")]
    pub models: Vec<Rule>,
}

/// What one client does, or what is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// Connects and sends nothing.
    Connect {
        /// Its name.
        client: String,
    },
    /// Connects and sends a request.
    Ask {
        /// Its name.
        client: String,
        /// What it asks for.
        path: String,
    },
    /// Connects and sends a request without its last byte.
    Begin {
        /// Its name.
        client: String,
        /// What it asks for.
        path: String,
    },
    /// Sends that last byte.
    Finish {
        /// Its name.
        client: String,
    },
    /// Waits until a client has its answer.
    Await {
        /// Its name.
        client: String,
    },
    /// Closes a connection.
    Close {
        /// Its name.
        client: String,
    },
    /// Waits until all clients that need not wait any more have their answers, and a moment more,
    /// in which others could get one that should not.
    Settle,
}

/// What the rule of a model says of the scene.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// The model.
    pub name: String,
    /// Options of `servers run`, for a small pool of a fixed size.
    #[serde(default)]
    pub run: String,
    /// The holders that every waiter has to wait for.
    pub waits_for: Vec<String>,
    /// Holders that a waiter may have to wait for: the rule leaves it to chance.
    #[serde(default)]
    pub may_wait_for: Vec<String>,
    /// Why.
    pub rule: String,
}

/// A file is no scene.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It is not written as one.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// A name in it is that of no client.
    #[error("no step lets '{0}' connect")]
    Unknown(String),
}

impl Scenario {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        let clients = scenario.clients();
        let rules = scenario.models.iter();
        let waited_for = rules.flat_map(|it| it.waits_for.iter().chain(&it.may_wait_for));
        let named = scenario.holders.iter().chain(&scenario.waiters);
        let mut named = named
            .chain(waited_for)
            .chain(scenario.steps.iter().filter_map(Step::client));
        match named.find(|name| !clients.contains(&name.as_str())) {
            Some(name) => Err(ScenarioError::Unknown(name.clone())),
            None => Ok(scenario),
        }
    }

    /// The clients, in the order in which they connect.
    pub fn clients(&self) -> Vec<&str> {
        let connects = self.steps.iter().filter_map(|step| match step {
            Step::Connect { client } | Step::Ask { client, .. } | Step::Begin { client, .. } => {
                Some(client.as_str())
            }
            _ => None,
        });
        connects.collect()
    }

    /// What is expected of this one, if the scene is for it.
    pub fn rule(&self, model: &str) -> Option<&Rule> {
        self.models.iter().find(|it| it.name == model)
    }
}

impl Step {
    fn client(&self) -> Option<&String> {
        match self {
            Self::Connect { client }
            | Self::Ask { client, .. }
            | Self::Begin { client, .. }
            | Self::Finish { client }
            | Self::Await { client }
            | Self::Close { client } => Some(client),
            Self::Settle => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_step_knows_is_an_error() {
        let text = "question = '?'\nholders = ['slow']\nwaiters = []\nmodel = []\nstep = []\n";
        let error = Scenario::parse(text).unwrap_err().to_string();
        assert_eq!(error, "no step lets 'slow' connect");
        let step = "[[step]]\ndo = 'begin'\nclient = 'slow'\npath = '/'\n";
        let text = text.replace("step = []\n", "") + step;
        let scenario = Scenario::parse(&text).unwrap();
        assert_eq!(scenario.clients(), ["slow"]);
        let wrong = text.replace("path", "paht");
        assert!(matches!(
            Scenario::parse(&wrong),
            Err(ScenarioError::Toml(_))
        ));
    }
}
