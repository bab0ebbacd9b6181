//! Carries out the steps of a scene against a server.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use super::actor::Actor;
use super::{Rule, Scenario, Step};
use crate::trace::Record;

/// A client that need not wait has its answer by then, however busy the machine is.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A scene came to an end too early.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// A client could not connect or send.
    #[error("{client}: {reason}")]
    Io {
        /// Its name in the file.
        client: String,
        /// What the system says.
        reason: io::Error,
    },
    /// The user wants to stop.
    #[error("stopped")]
    Stopped,
}

/// Plays the scene against `server` and returns what its clients have recorded. `settle` is how
/// long a client that should not be answered yet may show that it is. `goes_on` is asked in every
/// wait.
///
/// # Errors
/// A client that cannot connect or send. That a client has no answer is no error: the records show
/// it.
pub fn play(
    scenario: &Scenario,
    rule: &Rule,
    server: SocketAddr,
    settle: Duration,
    goes_on: &dyn Fn() -> bool,
) -> Result<Vec<Record>, PlayError> {
    let names: Vec<String> = scenario.clients().into_iter().map(str::to_owned).collect();
    // Declared before the scope, whose threads read the answers.
    let actors: Vec<OnceLock<Actor>> = names.iter().map(|_| Default::default()).collect();
    let played = thread::scope(|scope| {
        let mut scene = Scene {
            scope,
            names: &names,
            actors: &actors,
            scenario,
            rule,
            server,
            settle,
            goes_on,
            asked: HashMap::new(),
            released: Vec::new(),
        };
        let played = scenario.steps.iter().try_for_each(|step| scene.take(step));
        // Threads that still read would wait for their server.
        actors.iter().filter_map(|it| it.get()).for_each(|it| {
            if !it.has_answer() {
                it.close();
            }
        });
        played
    });
    played?;
    let actors = actors.into_iter().filter_map(OnceLock::into_inner);
    Ok(actors.flat_map(Actor::into_records).collect())
}

struct Scene<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    names: &'env [String],
    actors: &'env [OnceLock<Actor>],
    scenario: &'env Scenario,
    rule: &'env Rule,
    server: SocketAddr,
    settle: Duration,
    goes_on: &'env dyn Fn() -> bool,
    /// Clients whose whole request is sent.
    asked: HashMap<&'env str, &'env Actor>,
    /// Holders that hold no longer.
    released: Vec<&'env str>,
}

impl<'env> Scene<'_, 'env> {
    fn take(&mut self, step: &'env Step) -> Result<(), PlayError> {
        match step {
            Step::Connect { client } => self.connect(client, None).map(drop),
            Step::Ask { client, path } => {
                let actor = self.connect(client, Some(path))?;
                actor.send(false).map_err(failed(client))?;
                self.expect_answer(client, actor);
                Ok(())
            }
            Step::Begin { client, path } => {
                let actor = self.connect(client, Some(path))?;
                actor.send(true).map_err(failed(client))
            }
            Step::Finish { client } => {
                let Some(actor) = self.actor(client) else {
                    return Ok(());
                };
                actor.finish().map_err(failed(client))?;
                self.expect_answer(client, actor);
                self.released.push(client);
                Ok(())
            }
            Step::Await { client } => {
                self.released.push(client);
                let actor = self.actor(client);
                self.wait(|| actor.is_none_or(Actor::has_answer))
            }
            Step::Close { client } => {
                if let Some(actor) = self.actor(client) {
                    actor.close();
                }
                self.released.push(client);
                Ok(())
            }
            Step::Settle => self.settle(),
        }
    }

    fn actor(&self, name: &str) -> Option<&'env Actor> {
        let at = self.names.iter().position(|it| it == name)?;
        self.actors[at].get()
    }

    fn connect(&self, name: &str, path: Option<&str>) -> Result<&'env Actor, PlayError> {
        let at = self.names.iter().position(|it| it == name).unwrap_or(0);
        let actor = Actor::connect(self.server, name, at as u32 + 1, path);
        let actor = actor.map_err(failed(name))?;
        Ok(self.actors[at].get_or_init(|| actor))
    }

    fn expect_answer(&mut self, name: &'env str, actor: &'env Actor) {
        self.scope.spawn(move || actor.read_answer());
        self.asked.insert(name, actor);
    }

    /// A client that has asked and waits for no holder any more has to be answered.
    fn settle(&self) -> Result<(), PlayError> {
        let is_free = |name: &str| {
            let waits = self.scenario.waiters.iter().any(|it| it == name);
            let held = self.rule.waits_for.iter().chain(&self.rule.may_wait_for);
            let mut held = held.filter(|it| !self.released.contains(&it.as_str()));
            !waits || held.next().is_none()
        };
        let is_holding = |name: &str| {
            let holders = &self.scenario.holders;
            holders.iter().any(|it| it == name) && !self.released.contains(&name)
        };
        let free = self
            .asked
            .iter()
            .filter(|(name, _)| is_free(name) && !is_holding(name));
        let free: Vec<&Actor> = free.map(|(_, actor)| *actor).collect();
        self.wait(|| free.iter().all(|it| it.has_answer()))?;
        let end = Instant::now() + self.settle;
        self.wait(|| Instant::now() >= end)
    }

    /// Waits for a condition, or for the deadline: the verdict tells which it was.
    fn wait(&self, condition: impl Fn() -> bool) -> Result<(), PlayError> {
        let deadline = Instant::now() + ANSWER_DEADLINE;
        while !condition() && Instant::now() < deadline {
            if !(self.goes_on)() {
                return Err(PlayError::Stopped);
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

fn failed(client: &str) -> impl FnOnce(io::Error) -> PlayError {
    let client = client.to_owned();
    move |reason| PlayError::Io { client, reason }
}
