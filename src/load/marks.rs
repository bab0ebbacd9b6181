//! What a reader of a run's figures must know. A mark never removes a figure. Pure.

use std::time::Duration;

use super::{EarlyEnd, Outcome, Plan};

/// A generator that is busier than this may be what the figures show.
pub const GENERATOR_SHARE_MAX: f64 = 0.85;
/// Time of the connections that no answered request accounts for.
pub const LITTLES_LAW_GAP_MAX: f64 = 0.05;
/// The p99 of the timer lag may be so much longer than the slack that the plan allows, or
/// [`TIMER_LAG_SHARE_MAX`] of the response p99. A
/// timerfd was measured at 75 to 120 µs on a quiet core of a virtual machine.
pub const TIMER_LAG_MAX_NS: u64 = 200_000;
/// The share of the response p99 that is small enough not to matter.
pub const TIMER_LAG_SHARE_MAX: f64 = 0.05;
/// The least share of a plan that has to be carried out.
pub const ACHIEVED_SHARE_MIN: f64 = 0.99;
/// The opening of a closed loop's connections may take so much of the measurement...
pub const OPENING_SHARE_MAX: f64 = 0.05;
/// ...or so long, which is as nothing in a run of a few seconds.
pub const OPENING_MAX: Duration = Duration::from_millis(100);
/// The share of requests that may find all connections busy.
pub const WAITED_SHARE_MAX: f64 = 0.01;
/// A closed loop flatters the server when more than this share of the time goes into stalls...
pub const STALLED_TIME_MIN: f64 = 0.05;
/// ...which are fewer than this share of the requests.
pub const STALLED_REQUESTS_MAX: f64 = 0.01;

/// Something that the reader must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Not a single request was answered as the plan wants.
    NothingMeasured,
    /// No request was answered any more from some moment on.
    ServerGone,
    /// The run ended early because too many requests failed.
    TooManyErrors,
    /// Requests failed on the server's side.
    Errors,
    /// Requests failed on this machine's side.
    ClientErrors,
    /// Connections of a closed loop that never got an answer.
    Starved,
    /// Connections were opened within the measurement.
    Opening,
    /// Percentiles are lower bounds, because of requests that were pending at the end.
    LowerBounds,
    /// A closed loop met stalls, which it does not show as clients would see them.
    Stalls,
    /// Time of the connections is in no latency shown.
    LittlesLaw,
    /// The generator was near its own limit.
    GeneratorBound,
    /// The generator sent late.
    TimerLag,
    /// The plan was not carried out.
    Behind,
    /// Requests waited for a connection.
    ConnectionLimit,
}

impl Mark {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NothingMeasured => "nothing-measured",
            Self::ServerGone => "server-gone",
            Self::TooManyErrors => "too-many-errors",
            Self::Errors => "errors",
            Self::ClientErrors => "client-errors",
            Self::Starved => "starved",
            Self::Opening => "opening",
            Self::LowerBounds => "lower-bounds",
            Self::Stalls => "stalls",
            Self::LittlesLaw => "littles-law",
            Self::GeneratorBound => "generator-bound",
            Self::TimerLag => "timer-lag",
            Self::Behind => "behind",
            Self::ConnectionLimit => "connection-limit",
        }
    }

    /// Whether the mark says that the generator's machine, and not the server, set the figures.
    pub fn is_generators(self) -> bool {
        matches!(
            self,
            Self::ClientErrors | Self::GeneratorBound | Self::TimerLag
        )
    }
}

/// The marks of a run, the gravest first.
pub fn marks(plan: &Plan, outcome: &Outcome) -> Vec<Mark> {
    let is_closed = !outcome.is_open_loop;
    let thinks = plan
        .workload
        .requests()
        .iter()
        .any(|it| !it.think.is_zero());
    let some = outcome.requests > 0;
    let (stalled_time, stalled_requests) = outcome.stalls();
    let doubtful = [0.5, 0.9, 0.99, 0.999, 1.0];
    let by_server = outcome.errors.total() - outcome.errors.client_total();
    let waited = outcome.waited as f64 / outcome.planned.max(1) as f64;
    let lag = outcome.timer_lag.value_at_quantile(0.99);
    let allowed = TIMER_LAG_MAX_NS + plan.timer_slack.as_nanos() as u64;
    let lag_max = outcome.latency.value_at_quantile(0.99) as f64 * TIMER_LAG_SHARE_MAX;
    let gates = [
        (!some, Mark::NothingMeasured),
        (some && outcome.gone_since.is_some(), Mark::ServerGone),
        (
            outcome.early_end == Some(EarlyEnd::TooManyErrors),
            Mark::TooManyErrors,
        ),
        (by_server > 0, Mark::Errors),
        (outcome.errors.client_total() > 0, Mark::ClientErrors),
        (
            some && is_closed && outcome.never_answered > 0,
            Mark::Starved,
        ),
        (
            outcome.opening > OPENING_MAX
                && outcome.opening.as_secs_f64()
                    > outcome.duration.as_secs_f64() * OPENING_SHARE_MAX,
            Mark::Opening,
        ),
        (
            some && doubtful.iter().any(|&q| outcome.at_least(q).is_some()),
            Mark::LowerBounds,
        ),
        (
            is_closed && stalled_time > STALLED_TIME_MIN && stalled_requests < STALLED_REQUESTS_MAX,
            Mark::Stalls,
        ),
        (
            some && is_closed && !thinks && outcome.littles_law_gap() > LITTLES_LAW_GAP_MAX,
            Mark::LittlesLaw,
        ),
        (
            !plan.spin && outcome.cpu_share() > GENERATOR_SHARE_MAX,
            Mark::GeneratorBound,
        ),
        (lag > allowed && lag as f64 > lag_max, Mark::TimerLag),
        (
            !outcome.interrupted && outcome.achieved_share() < ACHIEVED_SHARE_MIN,
            Mark::Behind,
        ),
        (waited > WAITED_SHARE_MAX, Mark::ConnectionLimit),
    ];
    let tripped = gates.into_iter();
    tripped
        .filter_map(|(is_tripped, mark)| is_tripped.then_some(mark))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Failure, Schedule};

    const MS: u64 = 1_000_000;

    fn plan(is_open: bool) -> Plan {
        let schedule = Schedule::constant(1000.0, Duration::from_secs(1)).unwrap();
        Plan {
            connections: 10,
            schedule: is_open.then_some(schedule),
            ..Plan::new("http://127.0.0.1:1/".parse().unwrap())
        }
    }

    /// A run of 1000 requests in a second, over 10 connections that are always busy.
    fn quiet(plan: &Plan) -> Outcome {
        let mut outcome = Outcome::empty(plan);
        outcome.latency.record_n(10 * MS, 1000).unwrap();
        (outcome.planned, outcome.attempted, outcome.requests) = (1000, 1000, 1000);
        (outcome.duration, outcome.threads) = (Duration::from_secs(1), 1);
        outcome
    }

    fn marked(is_open: bool, change: impl FnOnce(&mut Outcome)) -> Vec<Mark> {
        let plan = plan(is_open);
        let mut outcome = quiet(&plan);
        change(&mut outcome);
        marks(&plan, &outcome)
    }

    #[test]
    fn a_quiet_run_has_no_mark() {
        assert_eq!(marked(false, |_| {}), []);
        assert_eq!(marked(true, |_| {}), []);
    }

    #[test]
    fn each_gate_marks_on_its_own() {
        assert_eq!(
            marked(true, |it| it.errors.count(Failure::Timeout)),
            [Mark::Errors]
        );
        assert_eq!(
            marked(true, |it| it.errors.count(Failure::ClientPorts)),
            [Mark::ClientErrors]
        );
        assert_eq!(marked(false, |it| it.never_answered = 1), [Mark::Starved]);
        assert_eq!(marked(true, |it| it.never_answered = 1), []);
        let opening = |ms| marked(false, |it| it.opening = Duration::from_millis(ms));
        assert_eq!((opening(90), opening(110)), (vec![], vec![Mark::Opening]));
        assert_eq!(
            marked(true, |it| it.pending.record_n(500 * MS, 20).unwrap()),
            [Mark::LowerBounds]
        );
        assert_eq!(
            marked(false, |it| it.duration = Duration::from_secs(2)),
            [Mark::LittlesLaw]
        );
        assert_eq!(
            marked(true, |it| it.cpu = Duration::from_millis(900)),
            [Mark::GeneratorBound]
        );
        assert_eq!(marked(true, |it| it.attempted = 980), [Mark::Behind]);
        assert_eq!(marked(true, |it| it.waited = 11), [Mark::ConnectionLimit]);
        assert_eq!(
            marked(true, |it| it.gone_since = Some(Duration::ZERO)),
            [Mark::ServerGone]
        );
        assert_eq!(
            marked(true, |it| it.early_end = Some(EarlyEnd::TooManyErrors)),
            [Mark::TooManyErrors]
        );
    }

    #[test]
    fn a_lag_matters_where_it_is_a_part_of_the_response() {
        // The response p99 is 10 ms here, of which 5 % are 500 µs.
        let lag = |us: u64| marked(true, |it| it.timer_lag.record_n(us * 1000, 9).unwrap());
        assert_eq!(lag(490), []);
        assert_eq!(lag(510), [Mark::TimerLag]);
    }

    #[test]
    fn a_lag_that_the_plan_allows_is_none() {
        let mut plan = plan(true);
        let mut outcome = quiet(&plan);
        outcome.timer_lag.record_n(MS, 9).unwrap();
        assert_eq!(marks(&plan, &outcome), [Mark::TimerLag]);
        plan.timer_slack = Duration::from_millis(1);
        assert_eq!(marks(&plan, &outcome), []);
    }

    #[test]
    fn only_a_closed_loop_is_marked_for_stalls() {
        let stall = |it: &mut Outcome| it.latency.record_n(300 * MS, 5).unwrap();
        assert!(marked(false, stall).contains(&Mark::Stalls));
        assert_eq!(marked(true, stall), []);
    }

    #[test]
    fn a_run_without_an_answer_says_only_why() {
        let silent = marked(false, |it| {
            it.latency.reset();
            (it.requests, it.never_answered) = (0, 10);
            (0..1000).for_each(|_| it.errors.count(Failure::Status));
        });
        assert_eq!(silent, [Mark::NothingMeasured, Mark::Errors]);
    }
}
