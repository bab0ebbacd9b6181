//! A pool of worker processes.
//!
//! The rules are pure and stand in [`super::policy`]. The pool gives them the counts that they
//! need, and does what they decide: `size` decides how many workers there should be, `spawn` forks
//! them, `reap` notices which are ready and which have ended, `end` makes them leave or kills them,
//! `generations` replaces one generation by another.

mod end;
mod generations;
mod reap;
mod size;
mod spawn;

use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::children::{Children, STOPS, by_force};
use super::interval::Interval;
use super::policy::backoff::{Backoff, RespawnRate};
use super::policy::deadlines::Grace;
use super::policy::liveness::Timeouts;
use super::policy::queue::Queue;
use super::policy::rollout::{self, Steps};
use super::policy::sizing::{Census, Sizer};
use super::worker_state::{Retirement, Stage, WorkerState};
use crate::accept::SharedListeners;
use crate::scoreboard::{Scoreboard, Slots};
use crate::server::{Recycling, Server};
use crate::sys::signal::{self, Signals};

/// A generation is given up if this many of its workers fail to start and none was ever ready.
const STARTS_MAX: u32 = 5;
/// How often the size is decided: Apache's maintenance interval.
const SIZING_INTERVAL: Duration = Duration::from_secs(1);
/// How soon the scoreboard is read again while a worker starts: the new worker does not wake the
/// master when it is ready.
const STARTING_INTERVAL: Duration = Duration::from_millis(20);
/// How soon the scoreboard is read again for workers that have reached `--max-requests`.
const RECYCLING_INTERVAL: Duration = Duration::from_millis(250);
/// How often workers are measured for `--max-memory` and `--max-age`.
const MEASURING_INTERVAL: Duration = Duration::from_secs(1);
/// How often the clock is read while the last workers leave.
const STOP_INTERVAL: Duration = Duration::from_secs(1);

/// The workers that are alive, and the rules by which they come and go.
pub(in crate::master) struct Pool<'a> {
    scoreboard: &'a Scoreboard,
    pub(super) children: Children<WorkerState>,
    /// Free slots of the scoreboard, counted in workers.
    slots: Slots,
    /// Free indices of the current generation.
    indices: Slots,
    /// Serving threads of a worker, each with a slot.
    threads: usize,
    /// Fewest workers that TTOU may leave: with a listener for each index, every queue needs one.
    least: usize,
    /// Whether each index has a listener, whose queue no other worker serves.
    has_queues: bool,
    generation: u64,
    sizer: Sizer,
    timeouts: Timeouts,
    grace: Grace,
    /// Whether workers leave by themselves when they have answered enough requests.
    recycles: bool,
    recycling: Recycling,
    recycling_interval: Interval,
    /// As many workers leave by themselves as may serve. The scoreboard says it to the workers.
    is_crowded: bool,
    crashes: Backoff,
    respawns: RespawnRate,
    forks: Backoff,
    liveness_interval: Interval,
    sizing_interval: Interval,
    /// When a connection was last seen in the accept queue.
    seen_demand: Option<Instant>,
    queue: Queue,
    ever_ready: bool,
    /// A worker of the current generation was ready.
    is_proven: bool,
    /// The last generation that was proven, while a rollout replaces it.
    proven_generation: u64,
    /// The highest number that a generation has had.
    last_generation: u64,
    /// No worker is wanted: SIGWINCH, or another master serves.
    drained: bool,
    /// Workers that did not leave in time and were killed.
    killed: usize,
}

impl<'a> Pool<'a> {
    /// An empty pool for workers with `threads` serving threads.
    pub(super) fn new(server: &Server<'a>, threads: usize, now: Instant) -> Self {
        let timeouts = timeouts_of(server);
        let pool = Self {
            scoreboard: server.scoreboard,
            children: Children::default(),
            slots: Slots::default(),
            indices: Slots::default(),
            threads,
            least: match server.accept.has_queue_per_worker {
                true => server.workers,
                false => 1,
            },
            has_queues: server.accept.has_queue_per_worker,
            generation: 1,
            sizer: Sizer::new(server.pool.sizing, server.workers),
            timeouts,
            grace: grace_of(server),
            recycles: server.pool.max_requests > 0,
            recycling: server.pool.recycling,
            recycling_interval: Interval::new(MEASURING_INTERVAL, now),
            is_crowded: false,
            crashes: Backoff::forgiving(1),
            respawns: RespawnRate::default(),
            forks: Backoff::default(),
            liveness_interval: Interval::new(timeouts.interval(), now),
            sizing_interval: Interval::new(SIZING_INTERVAL, now),
            seen_demand: None,
            queue: Queue::default(),
            ever_ready: false,
            is_proven: false,
            proven_generation: 1,
            last_generation: 1,
            drained: false,
            killed: 0,
        };
        pool.publish();
        pool
    }

    /// What is to be done now. No worker is spawned while a back-off lasts.
    pub(super) fn steps(&self, now: Instant) -> Steps {
        let steps = rollout::steps(&self.census(), self.target());
        match self.backoff(now) {
            Duration::ZERO => steps,
            _ => Steps { spawn: 0, ..steps },
        }
    }

    /// How many workers are to be spawned, now or after a back-off.
    pub(super) fn missing(&self) -> usize {
        rollout::steps(&self.census(), self.target()).spawn
    }

    /// How long until something is due if no signal comes.
    pub(super) fn until_due(&self, now: Instant) -> Duration {
        let liveness = self.liveness_interval.left(now);
        let mut due = liveness.min(self.sizing_interval.left(now));
        if self.recycles {
            due = due.min(RECYCLING_INTERVAL);
        }
        if self.recycling.is_on() {
            due = due.min(self.recycling_interval.left(now));
        }
        let mut workers = self.children.iter();
        if workers.any(|(_, it)| it.stage == Stage::Starting) {
            due = due.min(STARTING_INTERVAL);
        }
        let demand_pause = self.demand_pause(now);
        if !demand_pause.is_zero() {
            due = due.min(demand_pause);
        }
        let backoff = self.backoff(now);
        if !backoff.is_zero() && self.missing() > 0 {
            due = due.min(backoff);
        }
        due
    }

    /// Takes over the settings of a reloaded configuration.
    pub(super) fn reconfigure(&mut self, server: &Server<'_>) {
        self.timeouts = timeouts_of(server);
        self.liveness_interval.set_every(self.timeouts.interval());
        self.grace = grace_of(server);
        self.recycles = server.pool.max_requests > 0;
        self.recycling = server.pool.recycling;
        self.sizer.reconfigure(server.pool.sizing, server.workers);
    }

    /// Retires all workers and spawns none until [`Pool::resume`].
    pub(super) fn drain(&mut self) {
        self.drained = true;
        self.publish();
    }

    /// [`Pool::drain`] for good: each worker that has to be killed from now on fails the stop.
    pub(super) fn leave(&mut self) {
        self.killed = 0;
        self.drain();
    }

    /// What the stop that [`Pool::leave`] has begun came to. No worker is left.
    ///
    /// # Errors
    /// Workers had to be killed.
    pub(super) fn has_left(&self) -> io::Result<()> {
        match self.killed {
            0 => Ok(()),
            count => by_force(count, "the graceful timeout is over"),
        }
    }

    /// Ends a drain: the pool is filled again.
    pub(super) fn resume(&mut self) {
        self.drained = false;
        self.publish();
    }

    pub(super) fn is_drained(&self) -> bool {
        self.drained
    }

    /// Sends SIGTERM to all workers and waits until the last has ended; see [`Children::stop`].
    ///
    /// # Errors
    /// Workers had to be killed.
    pub(super) fn stop(self, signals: &Signals, listeners: &mut SharedListeners) -> io::Result<()> {
        let mut clock = Interval::new(STOP_INTERVAL, Instant::now());
        let mut is_forced = false;
        self.children.stop(|ended| {
            for worker in ended {
                listeners.worker_ended(worker.assignment.slot);
            }
            let left = clock.left(Instant::now());
            let event = listeners.wait(signals, Some(left), false)?;
            let now = Instant::now();
            let too_early = self.grace.clients.saturating_sub(clock.lived(now));
            clock.due(now);
            Ok(match event {
                // The kernel's timer went on while this process was suspended (SIGSTOP).
                signal::Event::Signal(Signal::SIGALRM) if !is_forced && !too_early.is_zero() => {
                    signal::extend_grace(too_early);
                    None
                }
                signal::Event::Signal(signal) => {
                    is_forced |= signal == Signal::SIGALRM || STOPS.contains(&signal);
                    Some(signal)
                }
                _ => None,
            })
        })
    }

    /// Counts the workers by stage, generation and load.
    fn census(&self) -> Census {
        let mut census = Census::default();
        for (pid, worker) in self.children.iter() {
            let is_current = worker.assignment.generation == self.generation;
            match worker.stage {
                Stage::Starting => census.starting += 1,
                Stage::Serving if !is_current => census.old += 1,
                Stage::Serving => {
                    let load = worker.load(pid, self.scoreboard);
                    census.idle += usize::from(load.has_room);
                    census.vacant += usize::from(load.has_room && load.clients == 0);
                    census.busy += usize::from(!load.has_room);
                }
                Stage::Retiring(Retirement::Deadline(_) | Retirement::Terminated(_)) => {
                    census.leaving += 1;
                }
                _ => {}
            }
        }
        census
    }

    /// What is left of a pause after crashes or failed forks.
    fn backoff(&self, now: Instant) -> Duration {
        let pauses = [
            self.crashes.left(now),
            self.respawns.left(now),
            self.forks.left(now),
        ];
        pauses.into_iter().max().unwrap_or_default()
    }

    /// The master's own clock, which stands still while it is suspended. Deadlines of workers run
    /// on it: workers may have been suspended as well, and could not be told anything.
    fn lived(&self, now: Instant) -> Duration {
        self.liveness_interval.lived(now)
    }

    fn select(&self, which: impl Fn(&WorkerState) -> bool) -> Vec<Pid> {
        let selected = self.children.iter().filter(|(_, worker)| which(worker));
        selected.map(|(pid, _)| pid).collect()
    }
}

fn grace_of(server: &Server<'_>) -> Grace {
    Grace {
        clients: server.pool.grace,
        linger: server.limits.linger_time,
    }
}

fn timeouts_of(server: &Server<'_>) -> Timeouts {
    Timeouts {
        worker: server.pool.worker_timeout,
        request: server.pool.request_timeout,
    }
}
