//! What a run needs of the machine: descriptors, processors, and an account of its own cost.

use std::io;
use std::panic;
use std::thread;
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

use super::{Error, Plan};

/// Room for what the process has open besides: standard streams, epoll instances, files.
const DESCRIPTORS_BESIDES: u64 = 64;

/// Raises the soft limit of descriptors as far as the plan needs (getrlimit(2)).
pub(super) fn allow_descriptors(plan: &Plan) -> Result<(), Error> {
    let connections = plan.connections_used();
    let needed =
        (connections.saturating_add(plan.threads) as u64).saturating_add(DESCRIPTORS_BESIDES);
    let failed = |call| {
        move |errno| Error::System {
            call,
            reason: io::Error::from(errno),
        }
    };
    let (soft, limit) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed("getrlimit"))?;
    if needed <= soft {
        return Ok(());
    }
    if needed > limit {
        return Err(Error::Descriptors {
            connections,
            needed,
            limit,
        });
    }
    setrlimit(Resource::RLIMIT_NOFILE, needed, limit).map_err(failed("setrlimit"))
}

/// Tries all the plan's processors before any load starts, on a thread that ends with that: one
/// that is not there must not be told by one thread while the others carry out their part.
pub(super) fn try_cpus(plan: &Plan) -> Result<(), Error> {
    let try_all = || (0..plan.cpus.len()).try_for_each(|index| pin(plan, index));
    thread::scope(|scope| scope.spawn(try_all).join())
        .unwrap_or_else(|panic| panic::resume_unwind(panic))
}

/// Keeps the calling thread on one of the plan's processors (sched_setaffinity(2)).
pub(super) fn pin(plan: &Plan, thread: usize) -> Result<(), Error> {
    let Some(&cpu) = plan.cpus.get(thread % plan.cpus.len().max(1)) else {
        return Ok(());
    };
    let mut set = CpuSet::new();
    set.set(cpu)
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .map_err(|errno| Error::Pin {
            cpu,
            reason: errno.into(),
        })
}

/// User and system time of the calling thread (getrusage(2)), to the microsecond.
pub(super) fn thread_cpu() -> Duration {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(Duration::ZERO, |usage| {
        let spent = usage.user_time() + usage.system_time();
        Duration::from_micros(spent.num_microseconds().unsigned_abs())
    })
}
