//! The load generator: a closed loop of connections against any URL.
//!
//! Each of the plan's connections always has exactly one request in flight: it waits for the
//! answer, then sends the next. That finds a server's capacity. (It says little about latency
//! under a load that does not wait: a slow answer also delays the requests behind it.)
//!
//! ```text
//!  run ── thread ── EventLoop ─┬─ Client ── Response      one epoll, one histogram a thread
//!     │                        └─ Client ── Response      a client is one connection's worth
//!     └── thread ── EventLoop ── …                        merged into an Outcome at the end
//! ```
//!
//! | room | what happens in it |
//! | --- | --- |
//! | [`Plan`], [`Target`] | what to load and how hard |
//! | `response`, `head`, `chunked` | an answer's framing, free of I/O |
//! | `client` | one connection: the system calls |
//! | [`Failure`], [`Errors`] | the ways to fail, and a count of each |
//! | `event_loop`, `slot` | one thread: who may go on, who is late, when it is over |
//! | `tally` | one thread's counts and their sum, the [`Outcome`] |
//!
//! # What is counted, and how
//!
//! *Nothing is dropped*: answered + failed + in flight at the stop = attempted
//! ([`Outcome::is_complete`]).
//!
//! A request's time runs from the moment that its client acts on it, which is the call of
//! connect(2) where it needs a connection and the write(2) of the request where it has one, to the
//! read(2) that brings the answer's last byte. One reading of the clock ends a request and starts
//! the next, so that no time falls between them.
//!
//! A server may close a persistent connection whenever it is idle (RFC 9112 section 9.5), even
//! while the next request is under way. Where it announced this by `Connection: close`, the client
//! reconnects and nothing is counted. Where it did not, the request is lost: this counts as what
//! the client saw, [`Failure::ClosedEarly`] or [`Failure::ResetBeforeFirstByte`], since a client
//! that is not sure that its request may be repeated would have had to report it.

mod chunked;
mod client;
mod error;
mod errors;
mod event_loop;
mod failure;
mod head;
mod machine;
mod outcome;
mod plan;
mod probe;
mod response;
mod slot;
mod tally;
mod target;

use std::panic;
use std::thread;
use std::time::Instant;

pub use error::Error;
pub use errors::Errors;
pub use failure::Failure;
pub use outcome::Outcome;
pub use plan::{Amount, Plan, Watch};
pub use probe::probe;
pub use target::{Target, TargetError};

use event_loop::EventLoop;
use tally::Tally;

/// Carries out a plan. Blocks until it is over; `watch` shows its progress and can stop it.
///
/// Each thread's user and system time is its own, so the cost of the generator is exact even in a
/// process that does other things.
///
/// # Errors
///
/// What keeps a run from starting: a plan that makes no sense, too few descriptors, a processor
/// that is not there. What goes wrong later is counted in [`Outcome::errors`].
pub fn run(plan: &Plan, watch: &Watch) -> Result<Outcome, Error> {
    plan.check()?;
    machine::allow_descriptors(plan)?;
    machine::try_cpus(plan)?;
    let start = Instant::now();
    let tallies = thread::scope(|scope| {
        let threads: Vec<_> = plan
            .shares()
            .map(|share| scope.spawn(move || EventLoop::new(plan, share, watch, start)?.run()))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|panic| panic::resume_unwind(panic))
            })
            .collect::<Result<Vec<Tally>, Error>>()
    })?;
    Ok(tally::sum(plan, tallies, start))
}
