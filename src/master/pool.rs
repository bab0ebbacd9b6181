//! A pool of worker processes: who is in it, who is to come, who is to go.
//!
//! The rules are elsewhere and pure ([`super::sizing`], [`super::turnover`], [`super::liveness`],
//! [`super::backoff`]); here is what they need to know and what becomes of it.

mod departures;
mod pulses;

use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::backoff::Backoff;
use super::children::{Children, by_force};
use super::liveness::Patience;
use super::member::{Leave, Member, Stage};
use super::queue::Queue;
use super::sizing::{Census, Change, Sizer};
use super::ticker::Ticker;
use super::turnover::{self, Steps};
use super::worker::Post;
use crate::accept::SharedListeners;
use crate::scoreboard::{Event, SLOTS_MAX, Scoreboard, Slots};
use crate::serve::Server;
use crate::sys::signal::{self, Signals};

/// How often the size is looked after: Apache's maintenance interval.
const SIZING_TICK: Duration = Duration::from_secs(1);
/// How soon to look again while somebody is about to become ready.
const STARTING_TICK: Duration = Duration::from_millis(20);
/// How soon to look whether somebody has done enough, where that happens.
const RECYCLING_TICK: Duration = Duration::from_millis(250);
/// How soon to look at the accept queue again once somebody was seen in it. It may have been for an
/// idle worker that is just waking up.
const BREATH: Duration = Duration::from_millis(20);
/// How often to look at the clock while the last workers leave.
const CLOCK_TICK: Duration = Duration::from_secs(1);

/// The workers that are alive, and the rules by which they come and go.
pub(in crate::master) struct Pool<'a> {
    scoreboard: &'a Scoreboard,
    pub(super) children: Children<Member>,
    /// Records of the scoreboard that no worker has.
    slots: Slots,
    /// Places of the current generation that no worker has.
    seats: Slots,
    /// Threads of a worker, each with a record of its own.
    threads: usize,
    /// How far the pool may shrink by hand: a listener of its own needs somebody who accepts.
    least: usize,
    /// Whether each seat has a listener of its own, whose queue nobody else serves.
    has_queues: bool,
    generation: u64,
    sizer: Sizer,
    patience: Patience,
    grace: Duration,
    /// Workers leave by themselves when they have done enough.
    recycles: bool,
    crashes: Backoff,
    forks: Backoff,
    pulse_tick: Ticker,
    sizing_tick: Ticker,
    /// When connections were last seen in the accept queue.
    seen_demand: Option<Instant>,
    queue: Queue,
    ever_ready: bool,
    /// No worker is wanted: somebody else serves.
    drained: bool,
    /// Workers that did not leave in time, and were killed.
    killed: usize,
}

impl<'a> Pool<'a> {
    /// An empty pool; `threads` of each worker serve.
    pub(super) fn new(server: &Server<'a>, threads: usize, now: Instant) -> Self {
        let patience = patience(server);
        let pool = Self {
            scoreboard: server.scoreboard,
            children: Children::default(),
            slots: Slots::default(),
            seats: Slots::default(),
            threads,
            least: match server.accept.has_queue_per_worker {
                true => server.workers,
                false => 1,
            },
            has_queues: server.accept.has_queue_per_worker,
            generation: 1,
            sizer: Sizer::new(server.pool.sizing, server.workers),
            patience,
            grace: server.pool.grace,
            recycles: server.pool.max_requests > 0,
            crashes: Backoff::forgiving(1),
            forks: Backoff::default(),
            pulse_tick: Ticker::new(patience.tick(), now),
            sizing_tick: Ticker::new(SIZING_TICK, now),
            seen_demand: None,
            queue: Queue::default(),
            ever_ready: false,
            drained: false,
            killed: 0,
        };
        pool.publish();
        pool
    }

    /// Looks at everybody: who has ended, who has become ready, who is wedged, whether there are
    /// enough of them.
    ///
    /// # Errors
    /// No worker ever became ready, and none will.
    pub(super) fn look(&mut self, listeners: &mut SharedListeners, now: Instant) -> io::Result<()> {
        while let Some((pid, status, member)) = self.children.reap() {
            listeners.worker_ended(member.post.slot);
            self.bury(pid, status, member, now)?;
        }
        self.welcome();
        self.let_leave();
        if let Some(passed) = self.pulse_tick.due(now) {
            self.feel_pulses(passed, now);
        }
        if self.sizing_tick.due(now).is_some() && self.is_whole(now) {
            let census = self.census();
            let change = self.sizer.tick(&census, now);
            self.say(change, &census);
        }
        Ok(())
    }

    /// Those who have become ready serve from now on.
    fn welcome(&mut self) {
        for (pid, member) in self.children.iter_mut() {
            if member.stage == Stage::Starting && member.is_ready(pid, self.scoreboard) {
                member.stage = Stage::Serving;
                self.ever_ready = true;
            }
        }
    }

    /// What is to be done now; nothing is started while a pause lasts.
    pub(super) fn steps(&self, now: Instant) -> Steps {
        let steps = turnover::steps(&self.census(), self.target());
        match self.pause(now) {
            Duration::ZERO => steps,
            _ => Steps { start: 0, ..steps },
        }
    }

    /// How many workers there are too few, whether they may be made now or not.
    pub(super) fn missing(&self) -> usize {
        turnover::steps(&self.census(), self.target()).start
    }

    /// Whether all that was decided about the size has been done, and more could be. Whoever goes
    /// on to decide when nothing comes of it counts the same lack again and again.
    fn is_whole(&self, now: Instant) -> bool {
        !self.drained && self.pause(now).is_zero() && self.missing() == 0
    }

    /// How long until something is due if nothing happens.
    pub(super) fn until_due(&self, now: Instant) -> Duration {
        let mut due = self.pulse_tick.left(now).min(self.sizing_tick.left(now));
        if self.recycles {
            due = due.min(RECYCLING_TICK);
        }
        if self
            .children
            .iter()
            .any(|(_, it)| it.stage == Stage::Starting)
        {
            due = due.min(STARTING_TICK);
        }
        let breath = self.breath_left(now);
        if !breath.is_zero() {
            due = due.min(breath);
        }
        let pause = self.pause(now);
        if !pause.is_zero() && self.missing() > 0 {
            due = due.min(pause);
        }
        due
    }

    /// Whether a waiting connection may call for another worker.
    pub(super) fn awaits_demand(&self, now: Instant) -> bool {
        self.sizer.is_on_demand()
            && self.is_whole(now)
            && self.census().current() < self.sizer.limit()
            && self.breath_left(now).is_zero()
    }

    /// So many connections wait to be accepted.
    pub(super) fn demand(&mut self, waiting: u32, now: Instant) {
        let census = self.census();
        // A worker takes as many as it has threads.
        let mut wanted = (waiting as usize).div_ceil(self.threads);
        let members = self.children.iter();
        let accepted = members.map(|(_, it)| it.accepted(self.scoreboard)).sum();
        if census.starting == 0 && self.queue.is_stuck(accepted, now) {
            wanted = wanted.max(census.spare() + 1);
        }
        let change = self.sizer.demand(&census, wanted);
        self.say(change, &census);
        self.seen_demand = Some(now);
    }

    /// One worker more or fewer, by hand.
    pub(super) fn adjust(&mut self, by: isize) {
        let before = self.sizer.limit();
        let limit = self.sizer.adjust(by, self.least, SLOTS_MAX / self.threads);
        let workers = if limit == 1 { "worker" } else { "workers" };
        let may_have = if self.sizer.is_static() {
            "has"
        } else {
            "may have"
        };
        let now = match limit == before {
            false => "now",
            true if by < 0 => "and cannot do with fewer",
            true => "and cannot do with more",
        };
        crate::log!("by hand: the pool {may_have} {limit} {workers} {now}");
        self.publish();
    }

    /// From now on these rules hold.
    pub(super) fn reconfigure(&mut self, server: &Server<'_>) {
        self.patience = patience(server);
        self.pulse_tick.set_every(self.patience.tick());
        self.grace = server.pool.grace;
        self.recycles = server.pool.max_requests > 0;
        self.sizer.reconfigure(server.pool.sizing, server.workers);
    }

    /// All workers are to leave when their clients let them, and nobody takes their place until
    /// the next generation begins.
    pub(super) fn drain(&mut self) {
        self.drained = true;
        self.publish();
    }

    /// [`Pool::drain`] for good: whoever has to be killed from now on is a promise broken.
    pub(super) fn leave(&mut self) {
        self.killed = 0;
        self.drain();
    }

    /// The last worker has left.
    ///
    /// # Errors
    /// Some had to be killed.
    pub(super) fn has_left(&self) -> io::Result<()> {
        match self.killed {
            0 => Ok(()),
            count => by_force(count, "the graceful timeout is over"),
        }
    }

    /// Workers are wanted again.
    pub(super) fn resume(&mut self) {
        self.drained = false;
        self.publish();
    }

    /// Whether no worker is wanted.
    pub(super) fn is_drained(&self) -> bool {
        self.drained
    }

    /// Which generation there is or is to be, counted from 1, and its workers.
    pub(super) fn generation(&self) -> (u64, usize) {
        (self.generation, self.census().current())
    }

    /// Whether all is as it should be: there are workers, no generation is on its way in or out,
    /// nobody starts.
    pub(super) fn is_settled(&self) -> bool {
        let census = self.census();
        let is_whole = census.starting == 0 && census.current() >= self.target();
        !self.drained && census.old == 0 && is_whole
    }

    /// From now on those that are there are old: a new generation is to replace them.
    pub(super) fn begin_generation(&mut self, now: Instant) {
        self.resume();
        self.generation += 1;
        let generation = self.generation;
        crate::log!("generation {generation} is to take over, a few at a time");
        self.seats = Slots::default();
        // What has made the last one fail may be the reason for this one.
        self.crashes = Backoff::forgiving(1);
        self.publish();
        // Whoever has become ready since the last look stays until there is somebody else.
        self.welcome();
        let starting = self.select(|it| it.stage == Stage::Starting);
        let soon = Leave::Soon(self.lived(now));
        for pid in starting {
            self.send_away(pid, soon, now);
        }
    }

    /// A place for one more worker, to be made now.
    pub(super) fn post(&self) -> Post {
        Post {
            slot: self.slots.take() * self.threads,
            seat: self.seats.take(),
            generation: self.generation,
        }
    }

    /// A worker has been made for that place.
    pub(super) fn filled(&mut self, pid: Pid, post: Post, now: Instant) {
        self.forks.succeeded();
        self.scoreboard.note(Event::Started);
        self.children.add(pid, Member::new(post, self.threads, now));
    }

    /// None could be made: the next try waits, longer each time.
    pub(super) fn unfilled(&mut self, post: Post, now: Instant) -> Duration {
        self.scoreboard.note(Event::ForkFailed);
        self.vacate(post);
        self.forks.failed(now, now)
    }

    /// Workers that there should be.
    fn target(&self) -> usize {
        match self.drained {
            true => 0,
            false => self.sizer.target(),
        }
    }

    /// Asks all workers to stop and waits until the last has gone; see [`Children::stop`].
    ///
    /// # Errors
    /// When workers had to be killed.
    pub(super) fn stop(self, signals: &Signals, listeners: &mut SharedListeners) -> io::Result<()> {
        let mut clock = Ticker::new(CLOCK_TICK, Instant::now());
        self.children.stop(|ended| {
            for member in ended {
                listeners.worker_ended(member.post.slot);
            }
            let left = clock.left(Instant::now());
            let event = listeners.wait(signals, Some(left), false)?;
            let now = Instant::now();
            let too_early = self.grace.saturating_sub(clock.lived(now));
            clock.due(now);
            Ok(match event {
                // The timer has gone on while this process was suspended.
                signal::Event::Signal(Signal::SIGALRM) if !too_early.is_zero() => {
                    signal::extend_grace(too_early);
                    None
                }
                signal::Event::Signal(signal) => Some(signal),
                _ => None,
            })
        })
    }

    /// The workers, apart from those that have been told to go.
    fn census(&self) -> Census {
        let mut census = Census::default();
        for (pid, member) in self.children.iter() {
            let is_current = member.post.generation == self.generation;
            match member.stage {
                Stage::Starting => census.starting += 1,
                Stage::Serving if !is_current => census.old += 1,
                Stage::Serving => {
                    let burden = member.burden(pid, self.scoreboard);
                    census.idle += usize::from(burden.has_room);
                    census.vacant += usize::from(burden.has_room && burden.clients == 0);
                    census.busy += usize::from(!burden.has_room);
                }
                Stage::Leaving(Leave::Soon(_) | Leave::Late(_)) => census.leaving += 1,
                _ => {}
            }
        }
        census
    }

    fn breath_left(&self, now: Instant) -> Duration {
        self.seen_demand.map_or(Duration::ZERO, |seen| {
            (seen + BREATH).saturating_duration_since(now)
        })
    }

    /// What is left of a pause after failures.
    fn pause(&self, now: Instant) -> Duration {
        self.crashes.left(now).max(self.forks.left(now))
    }

    /// The master's own clock, which stands still while it is suspended: those who are to be gone
    /// by a certain time may have been suspended with it, or not have been asked.
    fn lived(&self, now: Instant) -> Duration {
        self.pulse_tick.lived(now)
    }

    fn select(&self, which: impl Fn(&Member) -> bool) -> Vec<Pid> {
        let those = self.children.iter().filter(|(_, member)| which(member));
        those.map(|(pid, _)| pid).collect()
    }

    /// Says what has been decided about the size, and why.
    fn say(&self, change: Option<Change>, census: &Census) {
        let (busy, spare) = (census.busy, census.starting + census.idle);
        let target = self.sizer.target();
        match change {
            None => return,
            Some(Change::Grow(count)) => {
                crate::log!("pool: {busy} busy, {spare} spare: {count} more, {target} in all");
            }
            Some(Change::Shrink(count)) => {
                crate::log!("pool: {busy} busy, {spare} spare: {count} fewer, {target} in all");
            }
            Some(Change::LimitReached) => {
                self.scoreboard.note(Event::LimitReached);
                // Where the number is fixed it is no news that it is.
                if !self.sizer.is_static() {
                    let limit = self.sizer.limit();
                    crate::log!("pool: all {limit} workers are busy, and --workers allows no more");
                }
            }
        }
        self.publish();
    }

    fn publish(&self) {
        let (target, limit) = (self.target(), self.sizer.limit());
        self.scoreboard.note_pool(self.generation, target, limit);
    }
}

/// How long workers may be silent, and requests may take.
fn patience(server: &Server<'_>) -> Patience {
    Patience {
        worker: server.pool.worker_timeout,
        request: server.pool.request_timeout,
    }
}
