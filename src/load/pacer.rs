//! One thread's part of an open loop: which request is due. Pure: time comes in with the calls, in
//! ns from the start of the run.

use super::schedule::{Schedule, Stage};
use super::{Arrivals, Error, Plan, Rank};

/// The whole run's times: those of the warm-up, then those of the measurement. Of both, a rank has
/// its own requests, which are numbered from 0 here.
#[derive(Debug, Clone)]
pub(super) struct Timetable {
    warm_up: Option<Schedule>,
    main: Schedule,
    begins_ns: u64,
    rank: Rank,
}

impl Timetable {
    /// The plan's timetable, if it is an open loop. The warm-up goes at the rate with which the
    /// schedule begins, or its highest if it begins with none.
    pub(super) fn new(plan: &Plan) -> Result<Option<Self>, Error> {
        let Some(main) = plan.schedule.clone() else {
            return Ok(None);
        };
        let first = main.stages().map(|stage| stage.from).next().unwrap_or(0.0);
        let rates = main.stages().flat_map(|stage| [stage.from, stage.to]);
        let highest = rates.fold(0.0, f64::max);
        let rate = if first > 0.0 { first } else { highest };
        let stage = Stage::hold(rate, plan.warm_up);
        Ok(Some(Self {
            warm_up: Schedule::new(&[stage], Arrivals::Constant, 0).ok(),
            main,
            begins_ns: plan.warm_up.as_nanos() as u64,
            rank: plan.rank.unwrap_or(Rank::ALONE),
        }))
    }

    fn before(&self) -> u64 {
        let warm_up = self.warm_up.as_ref();
        warm_up.map_or(0, |it| self.rank.share(it.planned()))
    }

    fn total(&self) -> u64 {
        self.before() + self.rank.share(self.main.planned())
    }

    fn at(&self, own: u64) -> u64 {
        match (&self.warm_up, own.checked_sub(self.before())) {
            (Some(warm_up), None) => warm_up.at(self.rank.number(own)),
            (_, main) => self.begins_ns + self.main.at(self.rank.number(main.unwrap_or(0))),
        }
    }

    /// The number of a request in the plan of all ranks, which decides its kind.
    fn number(&self, own: u64) -> u64 {
        let warm_up = self.warm_up.as_ref().map_or(0, Schedule::planned);
        match own.checked_sub(self.before()) {
            Some(main) => warm_up + self.rank.number(main),
            None => self.rank.number(own),
        }
    }
}

/// A request whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// Its number in the whole plan, that of all ranks.
    pub(super) number: u64,
    /// When it should be sent.
    pub(super) intended: u64,
    /// When the event loop saw that it is due.
    pub(super) noticed: u64,
    /// Whether it belongs to the measurement and not to the warm-up.
    pub(super) is_measured: bool,
    /// Whether it waits for a thread that has a free connection, and not for a connection.
    pub(super) is_handed_over: bool,
}

/// One thread's requests, in order.
#[derive(Debug)]
pub(super) struct Pacer {
    timetable: Timetable,
    /// How many threads share the timetable.
    threads: u64,
    /// The next request that is not due yet, and its time; a number beyond the total when all are.
    next: u64,
    next_at: u64,
}

impl Pacer {
    pub(super) fn new(timetable: Timetable, thread: usize, threads: usize) -> Self {
        let mut pacer = Self {
            timetable,
            threads: threads as u64,
            next: thread as u64,
            next_at: 0,
        };
        pacer.look_up();
        pacer
    }

    fn look_up(&mut self) {
        self.next_at = match self.next < self.timetable.total() {
            true => self.timetable.at(self.next),
            false => u64::MAX,
        };
    }

    /// When the next request becomes due; never, when all are.
    pub(super) fn next_at(&self) -> Option<u64> {
        (self.next_at != u64::MAX).then_some(self.next_at)
    }

    /// Takes the next request if it is due by now.
    pub(super) fn notice(&mut self, now: u64) -> Option<Due> {
        if self.next_at > now || self.next_at == u64::MAX {
            return None;
        }
        let due = Due {
            number: self.timetable.number(self.next),
            intended: self.next_at,
            noticed: now,
            is_measured: self.next >= self.timetable.before(),
            is_handed_over: false,
        };
        self.next += self.threads;
        self.look_up();
        Some(due)
    }

    /// Whether every request has been handed out.
    pub(super) fn is_exhausted(&self) -> bool {
        self.next_at == u64::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MS: u64 = 1_000_000;

    fn timetable(rate: f64, warm_up_ms: u64, ms: u64) -> Timetable {
        let plan = Plan {
            schedule: Some(Schedule::constant(rate, Duration::from_millis(ms)).unwrap()),
            warm_up: Duration::from_millis(warm_up_ms),
            ..Plan::new("http://127.0.0.1:1/".parse().unwrap())
        };
        Timetable::new(&plan).unwrap().unwrap()
    }

    #[test]
    fn threads_take_turns_and_together_send_exactly_the_plan() {
        let mut all = Vec::new();
        for thread in 0..3 {
            let mut pacer = Pacer::new(timetable(100.0, 0, 1000), thread, 3);
            while let Some(due) = pacer.notice(u64::MAX - 1) {
                all.push((due.number, due.intended));
            }
            assert!(pacer.is_exhausted());
        }
        all.sort_unstable();
        let expected: Vec<_> = (0..100).map(|k| (k, k * 10 * MS)).collect();
        assert_eq!(all, expected);
    }

    #[test]
    fn ranks_take_turns_and_together_send_exactly_the_plan_and_its_warm_up() {
        let requests = |rank| {
            let mut timetable = timetable(100.0, 50, 100);
            timetable.rank = rank;
            let mut pacer = Pacer::new(timetable, 0, 1);
            std::iter::from_fn(move || pacer.notice(u64::MAX - 1))
        };
        let alone: Vec<Due> = requests(Rank::ALONE).collect();
        let mut parts: Vec<Due> = (0..3)
            .flat_map(|index| requests(Rank { index, count: 3 }))
            .collect();
        parts.sort_unstable_by_key(|due| due.number);
        assert_eq!(parts, alone);
        // Rank 0 sends the first request of the measurement too.
        let first = requests(Rank { index: 0, count: 3 }).find(|due| due.is_measured);
        assert_eq!(first.unwrap().intended, 50 * MS);
    }

    #[test]
    fn a_request_is_noticed_when_it_is_due_and_not_before() {
        let mut pacer = Pacer::new(timetable(100.0, 0, 1000), 0, 1);
        assert_eq!(pacer.notice(0).unwrap().intended, 0);
        assert_eq!(pacer.next_at(), Some(10 * MS));
        assert_eq!(pacer.notice(10 * MS - 1), None);
        let due = pacer.notice(12 * MS).unwrap();
        // 2 ms late: that is the timer lag, and it does not move the next one.
        assert_eq!((due.intended, due.noticed), (10 * MS, 12 * MS));
        assert_eq!(pacer.next_at(), Some(20 * MS));
    }

    #[test]
    fn the_warm_up_goes_before_and_is_not_measured() {
        let mut pacer = Pacer::new(timetable(100.0, 50, 100), 0, 1);
        let all: Vec<Due> = std::iter::from_fn(|| pacer.notice(u64::MAX - 1)).collect();
        assert_eq!(all.len(), 15);
        assert!(all[..5].iter().all(|due| !due.is_measured));
        assert!(all[5..].iter().all(|due| due.is_measured));
        assert_eq!(all[5].intended, 50 * MS);
    }
}
