//! Who leaves the pool: told to, or dead.

use std::cmp::Reverse;
use std::io;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;

use super::Pool;
use crate::master::member::{End, Leave, Member, Stage, describe};
use crate::master::turnover::Steps;
use crate::master::worker::Post;
use crate::scoreboard::{Event, Slots, State};
use crate::sys::signal;

/// So many failed starts in a row, and nobody ever ready, mean that it will never work.
const STARTS_MAX: u32 = 5;

impl Pool<'_> {
    /// Tells as many workers to leave as `steps` says: old ones, and of the others those with the
    /// fewest clients first and the highest places first, so that the pool stays dense.
    pub(in crate::master) fn retire(&mut self, steps: &Steps, now: Instant) {
        let generation = self.generation;
        let old = self.first_to_go(steps.retire_old, |it| it.post.generation != generation);
        let current = self.first_to_go(steps.retire, |it| it.post.generation == generation);
        let soon = Leave::Soon(self.lived(now));
        // Whoever is not needed may take its time, unless nobody is to be here.
        let spare = if self.drained { soon } else { Leave::Spare };
        let old = old.into_iter().map(|pid| (pid, soon));
        let current = current.into_iter().map(|pid| (pid, spare));
        for (pid, why) in old.chain(current) {
            self.send_away(pid, why, now);
        }
    }

    /// Those who have said that they accept nobody any more: others are to take their place while
    /// they finish with their clients. Lest clients who stay for ever fill the machine with workers
    /// that they hold back, nobody else is to begin with it once there are as many of those as
    /// there may be others. Whoever has begun all the same is replaced: somebody has to accept.
    pub(super) fn let_leave(&mut self) {
        let by_itself = Stage::Leaving(Leave::ByItself);
        let scoreboard = self.scoreboard;
        let serving = self.children.iter();
        let serving = serving.filter(|(_, it)| it.stage == Stage::Serving);
        let those = serving.filter(|(pid, it)| it.is_leaving(*pid, scoreboard));
        let those: Vec<Pid> = those.map(|(pid, _)| pid).collect();
        for pid in those {
            if let Some(member) = self.children.get_mut(pid) {
                member.stage = by_itself;
            }
            self.replace(pid);
        }
        let leaving = self.select(|it| it.stage == by_itself).len();
        self.crowd(leaving >= self.sizer.limit());
    }

    /// Notes, and says once, whether nobody is to leave who has done enough.
    fn crowd(&mut self, is_crowded: bool) {
        if is_crowded && !self.scoreboard.is_crowded() {
            crate::log!(
                "pool: clients hold back as many workers that have done enough (--max-requests) as \
                 may serve, so the others go on"
            );
        }
        self.scoreboard.note_crowd(is_crowded);
    }

    /// So many of those that stay, in the order in which they are to leave.
    fn first_to_go(&self, count: usize, which: impl Fn(&Member) -> bool) -> Vec<Pid> {
        if count == 0 {
            return Vec::new();
        }
        let mut those = self.select(|it| it.stays() && which(it));
        // Workers go on working while this looks at them. What changes between two looks is no
        // order, and a sort may panic over it: so each is looked at once.
        those.sort_by_cached_key(|pid| self.children.get(*pid).map(|it| self.rank(*pid, it)));
        those.truncate(count);
        those
    }

    /// Whoever comes first in this order is missed least: those with the fewest clients. But where
    /// a seat has a queue of its own, what counts is that there is somebody for each: the highest
    /// seats go first, and of old workers those whose seat has a successor who serves.
    fn rank(&self, pid: Pid, member: &Member) -> (bool, u64, Reverse<usize>) {
        let (seat, generation) = (member.post.seat, self.generation);
        if !self.has_queues {
            let burden = member.burden(pid, self.scoreboard);
            return (false, burden.clients, Reverse(seat));
        }
        let mut others = self.children.iter().map(|(_, it)| it);
        let has_successor = others.any(|it| {
            it.stage == Stage::Serving && it.post.generation == generation && it.post.seat == seat
        });
        let is_missed = member.post.generation != generation && !has_successor;
        (is_missed, 0, Reverse(seat))
    }

    /// Tells a worker to leave when its clients let it.
    pub(super) fn send_away(&mut self, pid: Pid, why: Leave, now: Instant) {
        let Some(member) = self.children.get_mut(pid) else {
            return;
        };
        member.stage = Stage::Leaving(why);
        let post = member.post;
        release(member, &self.seats, self.generation);
        for thread in 0..self.threads {
            let slot = post.slot + thread;
            self.scoreboard.put(slot, State::Retiring, now);
        }
        self.children.signal(pid, Signal::SIGUSR1);
    }

    /// A successor need not wait until it has gone, though nobody has asked it to go.
    pub(super) fn replace(&mut self, pid: Pid) {
        let member = self.children.get_mut(pid);
        if member.is_some_and(|it| release(it, &self.seats, self.generation)) {
            self.sizer.died();
        }
    }

    /// A worker has ended: its places are free.
    pub(super) fn bury(
        &mut self,
        pid: Pid,
        status: WaitStatus,
        mut member: Member,
        now: Instant,
    ) -> io::Result<()> {
        let was_ready = member.is_ready(pid, self.scoreboard);
        self.ever_ready |= was_ready;
        let told = matches!(member.stage, Stage::Leaving(_));
        self.clear(member.post.slot);
        // For whoever was sent away somebody else has come already.
        let is_replaced = member.is_seated && !self.sizer.is_on_demand() && !signal::stopping();
        if release(&mut member, &self.seats, self.generation) {
            self.sizer.died();
        }
        let end = member.end(status, was_ready, now);
        let pause = self.weigh(end, &member, now);
        if told && end == End::AsTold {
            return Ok(());
        }
        let (slot, what) = (member.post.slot, describe(status));
        let then = match (is_replaced, pause.as_millis()) {
            (false, _) => String::new(),
            (true, 0) => "; replacing it".to_owned(),
            (true, ms) => format!("; replacing it in {ms} ms"),
        };
        crate::log!("worker in slot {slot} {what}{then}");
        if !self.ever_ready && self.crashes.failures() >= STARTS_MAX {
            return Err(io::Error::other(format!(
                "no worker ever became ready; the last of them {what}"
            )));
        }
        Ok(())
    }

    /// Counts a crash. How long its replacement has to wait, be it that this one has failed on its
    /// way up, or others before it.
    fn weigh(&mut self, end: End, member: &Member, now: Instant) -> Duration {
        let End::Crashed { soon } = end else {
            return Duration::ZERO;
        };
        self.scoreboard.note(Event::Crashed);
        // What has become of an old generation says nothing about this one.
        if soon && member.post.generation == self.generation {
            self.crashes.failed(member.born, now)
        } else {
            self.crashes.left(now)
        }
    }

    /// Nobody has these records any more.
    fn clear(&self, slot: usize) {
        for thread in 0..self.threads {
            self.scoreboard.vacate(slot + thread);
        }
        self.slots.give_back(slot / self.threads);
    }

    /// Nobody has this place any more.
    pub(super) fn vacate(&self, post: Post) {
        self.clear(post.slot);
        self.seats.give_back(post.seat);
    }
}

/// From now on the worker's seat may be taken by a successor, though it may still be alive. Whether
/// it had one, of the generation that serves.
fn release(member: &mut Member, seats: &Slots, generation: u64) -> bool {
    let had_seat = std::mem::take(&mut member.is_seated) && member.post.generation == generation;
    if had_seat {
        seats.give_back(member.post.seat);
    }
    had_seat
}
