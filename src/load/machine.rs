//! What a run needs of the machine: descriptors, processors, source addresses, and the processor
//! time that it has used.

use std::io;
use std::net::UdpSocket;
use std::panic;
use std::thread;
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

use super::{Error, Plan};

/// Room for what the process has open besides connections: standard streams, files.
const DESCRIPTORS_BESIDES: u64 = 64;
/// Each thread has an epoll instance, a timer and an event by which others wake it.
const DESCRIPTORS_PER_THREAD: usize = 3;

/// Raises the soft limit of descriptors as far as the plan needs (getrlimit(2)).
pub(super) fn allow_descriptors(plan: &Plan) -> Result<(), Error> {
    let connections = plan.connections_used().saturating_add(plan.slow_clients);
    let threads = plan.threads.saturating_mul(DESCRIPTORS_PER_THREAD);
    let needed = (connections.saturating_add(threads) as u64).saturating_add(DESCRIPTORS_BESIDES);
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

/// Tries all the plan's processors before any load starts, on a thread of its own. Otherwise one
/// thread could report a missing processor while the others already load the server.
pub(super) fn try_cpus(plan: &Plan) -> Result<(), Error> {
    let try_all = || (0..plan.cpus.len()).try_for_each(|index| pin(plan, index));
    thread::scope(|scope| scope.spawn(try_all).join())
        .unwrap_or_else(|panic| panic::resume_unwind(panic))
}

/// Tries to bind a socket to each of the plan's source addresses before any load starts. Later a
/// wrong address would look like a lack of ports.
pub(super) fn try_sources(plan: &Plan) -> Result<(), Error> {
    for &address in &plan.sources {
        UdpSocket::bind((address, 0)).map_err(|reason| Error::Source { address, reason })?;
    }
    Ok(())
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
