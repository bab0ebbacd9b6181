//! The load generator: a closed or an open loop of connections against any URL.
//!
//! In a *closed loop* each connection always has one request in flight: it waits for the answer,
//! then sends the next. That finds a server's capacity. It says little about latency under a load
//! that does not wait: while the server stalls, a closed loop asks nothing, and so measures few
//! requests exactly when many would have suffered.
//!
//! An *open loop* sends by a [`Schedule`] that the answers do not change, as users do who know
//! nothing of each other. Each request's response time counts from the moment at which it should
//! have been sent.
//!
//! ```text
//!  run ── thread ── EventLoop ─┬─ Client ── Response      one epoll, one tally a thread
//!     │                │       └─ Client ── Response      a client is one connection's worth
//!     │                └─ Pacer (open loop: what is due)
//!     ├── thread ── EventLoop ── …                        merged into an Outcome at the end
//!     └── Queue (open loop: what waits for a connection of any thread)
//! ```
//!
//! | room | what happens in it |
//! | --- | --- |
//! | [`Plan`], [`Target`], [`Workload`] | what to load, what to ask, how hard |
//! | [`Schedule`] | request number → intended time; pure |
//! | [`Rank`] | one generator of several, and its part of a schedule; pure |
//! | `pacer`, `queue` | one thread's part of a schedule; what is due and waits for a connection |
//! | `response`, `head`, `chunked` | an answer's framing; pure |
//! | `destination`, `client` | one connection: the system calls |
//! | [`Failure`], [`Errors`] | the ways to fail, and a count of each |
//! | `event_loop`, `slot`, `timer` | one thread: which client may continue, what is late |
//! | `shared` | what threads share: requests left, whether the server still answers |
//! | `tally`, [`Second`] | one thread's counts and their sum, the [`Outcome`] |
//! | `traced` | what a client records of itself, if the plan asks for a trace |
//! | [`merge()`] | results of several generators, added exactly; pure |
//! | [`marks`], [`Expectation`] | what a reader must know of it, what it should show; pure |
//! | [`find_max()`] | the highest rate that keeps an objective; pure |
//! | [`self_test()`] | the generator's gaps as a server sees them |
//!
//! # How to use it
//!
//! ```no_run
//! # use std::time::Duration;
//! # use servers::load::{self, Amount, Plan, Schedule, Target, Watch};
//! let target: Target = "http://127.0.0.1:8080/".parse()?;
//! let duration = Duration::from_secs(10);
//! let plan = Plan {
//!     connections: 64,
//!     schedule: Some(Schedule::poisson(1000.0, duration, 42)?),
//!     amount: Amount::Duration(duration),
//!     warm_up: Duration::from_secs(1),
//!     ..Plan::new(target)
//! };
//! let outcome = load::run(&plan, &Watch::default())?;
//! println!("p99 {} ns", outcome.latency.value_at_quantile(0.99));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without a schedule the same plan is a closed loop. The same seed gives every contender of a
//! comparison the same arrivals and the same mix of requests.
//!
//! # What is counted, and how
//!
//! *Nothing is dropped*: planned = answered + failed + in flight at the stop + never sent
//! ([`Outcome::is_complete`]).
//!
//! Four times of a request are told apart. **Response time** runs from the intended send to the
//! read(2) that brings the answer's last byte, **service time** from the actual send. Between the
//! two lie the **timer lag** (from the intended send to the moment at which the event loop saw it
//! due: the generator's own fault) and the **connection wait** (from there to a free connection:
//! the server's back-pressure, or too few connections). In a closed loop a request is intended when
//! it is sent, so response and service time are the same.
//!
//! A send is the call of connect(2) where a client needs a connection, and the write(2) of the
//! request where it has one. In a closed loop one reading of the clock ends a request and starts
//! the next, so that no time falls between them.
//!
//! A server may close a persistent connection whenever it is idle (RFC 9112 section 9.5), even
//! while the next request is under way. Where it announced this by `Connection: close`, or closed
//! while nothing was asked, the client reconnects and nothing is counted. Otherwise the request is
//! lost. That counts as what the client saw, [`Failure::ClosedEarly`] or
//! [`Failure::ResetBeforeFirstByte`]: a client that does not know whether its request may be
//! repeated would have had to report it.

mod chunked;
mod client;
mod destination;
mod error;
mod errors;
mod event_loop;
mod expectation;
mod failure;
mod find_max;
mod head;
mod histogram;
mod machine;
mod malformed;
pub mod marks;
mod merge;
mod outcome;
mod pacer;
mod plan;
mod queue;
mod rank;
mod response;
mod schedule;
mod self_test;
mod series;
mod shared;
mod slot;
mod slow_clients;
mod tally;
mod target;
mod timer;
mod traced;
mod watch;
mod workload;

use std::panic;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, SystemTime};

pub use error::Error;
pub use errors::Errors;
pub use expectation::{Expectation, Quantity, Side};
pub use failure::Failure;
pub use find_max::{FoundMax, Search, Verdict, find_max};
pub use head::FIELDS_MAX;
pub use merge::{Generator, Merged, Part, Remark, Unmergeable, fits, merge};
pub use outcome::{Outcome, has_tail};
pub use plan::{Amount, Plan};
pub use rank::Rank;
pub use response::HEAD_BYTES_MAX;
pub use schedule::{Arrivals, Schedule, Stage};
pub use self_test::{SelfTest, self_test};
pub use series::{Second, merged};
pub use shared::EarlyEnd;
pub use slow_clients::SlowClients;
pub use target::{Address, Target, TargetError};
pub use watch::Watch;
pub use workload::{RequestTemplate, Workload};

use event_loop::{EventLoop, Run};
use pacer::Timetable;
use queue::Queue;
use shared::Shared;
use tally::Tally;
use timer::Clock;

/// A run that begins at a given time opens its connections so long before.
const OPENED_BEFORE: Duration = Duration::from_secs(1);

/// Carries out a plan. Blocks until it is over; `watch` shows its progress and can stop it.
///
/// Each thread's user and system time is its own, so the cost of the generator is exact even in a
/// process that does other things.
///
/// # Errors
///
/// What keeps a run from starting: a plan that makes no sense, too few descriptors, a processor
/// that is not there, a server that refuses the first connection. What goes wrong later is counted
/// in [`Outcome::errors`].
pub fn run(plan: &Plan, watch: &Watch) -> Result<Outcome, Error> {
    plan.check()?;
    machine::allow_descriptors(plan)?;
    machine::try_cpus(plan)?;
    machine::try_sources(plan)?;
    let timetable = Timetable::new(plan)?;
    let shared = Shared::new(plan);
    let queue = Queue::new(plan, plan.shares().count())?;
    let clock = Clock::starting_in(plan.lead(SystemTime::now())?);
    clock.wait(OPENED_BEFORE, watch);
    let is_over = AtomicBool::new(false);
    let run = Run {
        plan,
        watch,
        shared: &shared,
        queue: &queue,
        clock,
    };
    let (tallies, slow) = thread::scope(|scope| {
        let slow =
            (plan.slow_clients > 0).then(|| scope.spawn(|| slow_clients::run(plan, &is_over)));
        let threads: Vec<_> = plan
            .shares()
            .map(|share| {
                let timetable = timetable.clone();
                scope.spawn(move || EventLoop::new(run, share, timetable)?.run())
            })
            .collect();
        let tallies: Result<Vec<Tally>, Error> = threads.into_iter().map(joined).collect();
        is_over.store(true, Relaxed);
        let slow = slow.map(joined).transpose();
        Ok::<_, Error>((tallies?, slow?))
    })?;
    let mut outcome = tally::sum(plan, &tallies, &shared, queue);
    outcome.slow_clients = slow;
    // The measurement begins with the last thread, or with the end of the warm-up.
    let entered = tallies.iter().map(|it| it.entered).max().unwrap_or(0);
    outcome.began = clock.wall(entered.max(plan.warm_up.as_nanos() as u64));
    Ok(outcome)
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| panic::resume_unwind(panic))
}
