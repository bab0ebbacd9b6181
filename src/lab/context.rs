//! What the code of a lab works with: servers, pauses that Ctrl-C ends, and a line of progress.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use super::problem::Problem;
use crate::bench::Setup;
use crate::bench::contender::Contender;
use crate::bench::layout::Layout;
use crate::bench::server::ServerUnderTest;
use crate::load::Watch;
use crate::scoreboard::View;

/// Is told what a lab does.
pub trait Progress {
    /// The lab does this now. `part` says how many steps are done, and how many there are, where
    /// that is known.
    fn step(&self, what: &str, part: Option<(usize, usize)>);
}

/// How often a pause looks whether the user wants to stop.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often a condition is looked at.
const CHECK_EVERY: Duration = Duration::from_millis(2);
/// A condition that does not hold by then never will, however busy the machine is.
const CONDITION_DEADLINE: Duration = Duration::from_secs(20);

/// What all labs of one process share.
pub struct Context<'a> {
    /// Less of everything: the direction of each expectation is checked, in a few seconds.
    pub quick: bool,
    /// For the bench: it divides the processors, once for the whole process.
    pub setup: &'a Setup,
    /// Set when the user wants to stop.
    pub watch: &'a Watch,
    progress: &'a dyn Progress,
    program: PathBuf,
    /// The models that the user asks for; all, if there are none.
    models: Vec<String>,
    /// All processors: a lab that counts does not care which side they serve.
    cpus: Vec<usize>,
}

impl<'a> Context<'a> {
    /// Takes the machine as it is before the bench has divided it: `layout`.
    ///
    /// # Errors
    /// This program's own path is unknown.
    pub fn new(
        quick: bool,
        layout: &Layout,
        setup: &'a Setup,
        watch: &'a Watch,
        progress: &'a dyn Progress,
    ) -> Result<Context<'a>, Problem> {
        let program = std::env::current_exe().map_err(Problem::io("cannot find this program"))?;
        Ok(Context {
            quick,
            setup,
            watch,
            progress,
            program,
            models: Vec::new(),
            cpus: layout.cpus(),
        })
    }

    /// The same for some models only, where a lab knows models.
    #[must_use]
    pub fn only(self, models: Vec<String>) -> Context<'a> {
        Context { models, ..self }
    }

    /// Whether the user asks for this model.
    pub fn wants(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|it| it == model)
    }

    /// This program's own path.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// How many processors this process may use.
    pub fn cpus(&self) -> usize {
        self.cpus.len()
    }

    /// Says what the lab does now.
    pub fn step(&self, what: &str) {
        self.progress.step(what, None);
    }

    /// Says what the lab does now, and how far it is.
    pub fn step_of(&self, what: &str, done: usize, all: usize) {
        self.progress.step(what, Some((done, all)));
    }

    /// Starts `servers run` with these words, on all processors. Dropping the server kills it;
    /// [`Context::stop`] asks it to stop.
    ///
    /// # Errors
    /// It did not start, or the user wants to stop.
    pub fn start(&self, command: &str) -> Result<ServerUnderTest, Problem> {
        let words: Vec<&str> = command.split_whitespace().collect();
        self.start_contender(&Contender::new(&words))
    }

    /// Starts any contender of the bench.
    ///
    /// # Errors
    /// It did not start, or the user wants to stop.
    pub fn start_contender(&self, who: &Contender) -> Result<ServerUnderTest, Problem> {
        self.check()?;
        let started = ServerUnderTest::start(&self.program, who, &self.cpus);
        started.map_err(Problem::of(&who.name))
    }

    /// Stops a server, and verifies that nothing of it is left.
    ///
    /// # Errors
    /// It did not stop in good order.
    pub fn stop(&self, who: &str, server: ServerUnderTest) -> Result<(), Problem> {
        server.stop().map_err(Problem::of(who))
    }

    /// Waits until so many workers or threads of a server of ours have a slot. It announces its
    /// port while the master still forks.
    ///
    /// # Errors
    /// The user wants to stop, or they did not come.
    pub fn wait_for_slots(&self, server: &ServerUnderTest, count: usize) -> Result<(), Problem> {
        let view = self.scoreboard(server)?;
        let taken = || view.counts().iter().filter(|it| it.pid != 0).count();
        self.wait_for("all workers have started", || taken() >= count)
    }

    /// The scoreboard of a server of ours.
    ///
    /// # Errors
    /// It has none, or it is gone.
    pub fn scoreboard(&self, server: &ServerUnderTest) -> Result<View, Problem> {
        let pid = server.processes().0.as_raw().cast_unsigned();
        View::of_process(pid).map_err(Problem::io("cannot read the scoreboard"))
    }

    /// Whether the user wants to go on.
    ///
    /// # Errors
    /// [`Problem::Interrupted`] if not.
    pub fn check(&self) -> Result<(), Problem> {
        match self.watch.stop.load(Relaxed) {
            true => Err(Problem::Interrupted),
            false => Ok(()),
        }
    }

    /// Sleeps.
    ///
    /// # Errors
    /// The user wants to stop.
    pub fn pause(&self, time: Duration) -> Result<(), Problem> {
        let end = Instant::now() + time;
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(LOOK_EVERY));
        }
    }

    /// Waits until `condition` holds.
    ///
    /// # Errors
    /// The user wants to stop, or it did not hold in time: a sentence with `what`.
    pub fn wait_for(&self, what: &str, condition: impl Fn() -> bool) -> Result<(), Problem> {
        let deadline = Instant::now() + CONDITION_DEADLINE;
        while !condition() {
            self.check()?;
            if Instant::now() > deadline {
                let seconds = CONDITION_DEADLINE.as_secs();
                return Err(Problem::Other(format!(
                    "waited {seconds} s in vain: {what}"
                )));
            }
            thread::sleep(CHECK_EVERY);
        }
        Ok(())
    }
}
