//! What a server's processes use: CPU time, memory, threads.
//!
//! A server under test leads a process group of its own. Its processes are those of the group,
//! because a child that outlives its parent leaves the tree but not the group; and all descendants
//! of these, because a foreign server may give its children groups of their own.
//!
//! CPU time is read from two places, because neither alone is exact for every model:
//!
//! - the CPU clock of each live process (clock_getcpuclockid(3)): nanoseconds, and threads that
//!   have ended are in it. That is all there is to `iterative`, `threaded` and a pool;
//! - `cutime` and `cstime` of proc_pid_stat(5), for children already reaped, which is where `fork`
//!   spends nearly everything. The kernel keeps these exact and shows them in ticks, usually of
//!   10 ms; a difference of two readings is off by about 6 ms (one standard deviation), in either
//!   direction: 0.4 % of a window in which the server was busy for 1.5 s.
//!
//! A child that ends while the group is being read could fall between the two: its own clock is
//! gone, and its parent was read before it was reaped. So a reading counts only if the group was
//! the same before and after it.
//!
//! getrusage(2) with RUSAGE_CHILDREN would be exact for all, but only once the server has ended:
//! starting, warming up and stopping would be in it. [`Lifetime`] keeps it beside the other figure.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::sys::usage::{cpu_of, pss_kib, tick_length};

/// Readings of a group until two of them agree.
const READINGS_MAX: usize = 10;

/// A server with all its processes, by the number of its first.
#[derive(Debug, Clone, Copy)]
pub struct ProcessTree(pub Pid);

/// What a group held at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Census {
    /// Processes, zombies aside.
    pub processes: u64,
    /// Their threads.
    pub threads: u64,
    /// Their proportional set size: each page divided by the number of processes that map it, so
    /// that what a pool shares counts once.
    pub pss_kib: u64,
}

impl Census {
    /// The larger of each figure.
    pub fn peak(self, other: Census) -> Census {
        Census {
            processes: self.processes.max(other.processes),
            threads: self.threads.max(other.threads),
            pss_kib: self.pss_kib.max(other.pss_kib),
        }
    }
}

impl ProcessTree {
    /// User and system time that the group has used so far, reaped children included.
    ///
    /// Where children come and go all the time, the last of some readings is as good as any.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn cpu(self) -> io::Result<Duration> {
        let tick = tick_length();
        let used = |stat: &Stat| own_cpu(stat, tick) + tick * stat.reaped_ticks;
        let mut members = self.members()?;
        let mut sum = Duration::ZERO;
        for _ in 0..READINGS_MAX {
            sum = members.iter().map(used).sum();
            let after = self.members()?;
            if is_same(&members, &after) {
                break;
            }
            members = after;
        }
        Ok(sum)
    }

    /// Processes, threads and memory at this moment.
    ///
    /// Reading the memory holds up forks; see [`pss_kib`].
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn census(self) -> io::Result<Census> {
        let members = self.members()?;
        let alive = members.iter().filter(|stat| stat.state != 'Z');
        Ok(alive.fold(Census::default(), |sum, stat| Census {
            processes: sum.processes + 1,
            threads: sum.threads + u64::from(stat.threads),
            pss_kib: sum.pss_kib + pss_kib(stat.pid.cast_unsigned()).unwrap_or(0),
        }))
    }

    /// The IDs of its processes, zombies aside.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn pids(self) -> io::Result<Vec<u32>> {
        let members = self.members()?;
        let alive = members.iter().filter(|stat| stat.state != 'Z');
        Ok(alive.map(|stat| stat.pid.cast_unsigned()).collect())
    }

    /// How many processes of it have not ended. A zombie has: it waits for its parent, or for the
    /// machine's first process, which may take its time.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn count(self) -> io::Result<usize> {
        Ok(self.members()?.iter().filter(|it| it.state != 'Z').count())
    }

    /// Whether a process of it ignores SIGCHLD. Then the kernel reaps its children, and nothing
    /// says afterwards what they have used.
    pub fn forgets_children(self) -> bool {
        let members = self.members().unwrap_or_default();
        members.iter().any(|stat| {
            let status = fs::read_to_string(format!("/proc/{}/status", stat.pid));
            status.is_ok_and(|status| ignores_sigchld(&status))
        })
    }

    /// Kills every process of it.
    pub(super) fn kill(self) {
        for stat in self.members().unwrap_or_default() {
            kill(Pid::from_raw(stat.pid), Signal::SIGKILL).ok();
        }
    }

    /// Every process of it. One that ends while this looks is left out.
    fn members(self) -> io::Result<Vec<Stat>> {
        let mut all = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let path = entry?.path();
            if is_process(&path) {
                let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
                all.extend(Stat::parse(&stat));
            }
        }
        Ok(self.select(all))
    }

    /// Those of `all` that belong to it.
    fn select(self, all: Vec<Stat>) -> Vec<Stat> {
        let root = self.0.as_raw();
        let is_root = |stat: &Stat| stat.pid == root || stat.group == root;
        let (mut members, mut others): (Vec<Stat>, Vec<Stat>) = all.into_iter().partition(is_root);
        let mut parents: Vec<i32> = members.iter().map(|stat| stat.pid).collect();
        while !parents.is_empty() {
            let is_child = |stat: &Stat| parents.contains(&stat.parent);
            let (children, rest): (Vec<Stat>, Vec<Stat>) = others.into_iter().partition(is_child);
            others = rest;
            parents = children.iter().map(|stat| stat.pid).collect();
            members.extend(children);
        }
        members
    }
}

/// Whether no process came, ended or was reaped between two readings.
fn is_same(before: &[Stat], after: &[Stat]) -> bool {
    let state = |stat: &Stat| (stat.pid, stat.state == 'Z', stat.reaped_ticks);
    before.iter().map(state).eq(after.iter().map(state))
}

fn is_process(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name.starts_with(|first: char| first.is_ascii_digit())
}

/// The process's own time, with threads that have ended; ticks where it has no clock any more.
fn own_cpu(stat: &Stat, tick: Duration) -> Duration {
    cpu_of(stat.pid.cast_unsigned()).unwrap_or(tick * stat.own_ticks)
}

/// The line `SigIgn:` of proc_pid_status(5), in which signal n is bit n − 1.
fn ignores_sigchld(status: &str) -> bool {
    let mask = status.lines().find_map(|it| it.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|it| u64::from_str_radix(it.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (Signal::SIGCHLD as u32 - 1)) != 0)
}

/// The fields of proc_pid_stat(5) that are needed here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    pid: i32,
    state: char,
    parent: i32,
    group: i32,
    /// utime + stime
    own_ticks: u32,
    /// cutime + cstime
    reaped_ticks: u32,
    threads: u32,
}

impl Stat {
    /// Reads one line. The command name is in parentheses and may itself hold spaces and
    /// parentheses, so the fields are counted from the last one.
    fn parse(line: &str) -> Option<Stat> {
        let (head, tail) = line.rsplit_once(')')?;
        let field: Vec<&str> = tail.split_whitespace().collect();
        let ticks = |index: usize| field.get(index)?.parse::<u32>().ok();
        Some(Stat {
            pid: head.split_once(' ')?.0.parse().ok()?,
            state: field.first()?.chars().next()?,
            parent: field.get(1)?.parse().ok()?,
            group: field.get(2)?.parse().ok()?,
            own_ticks: ticks(11)? + ticks(12)?,
            reaped_ticks: ticks(13)? + ticks(14)?,
            threads: field.get(17)?.parse().ok()?,
        })
    }
}

/// A whole server, from its start to its end, as getrusage(2) tells it once it has been reaped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Lifetime {
    /// User and system time, in seconds, exact to the microsecond.
    pub cpu_s: f64,
    /// Times that a process waited.
    pub voluntary_switches: i64,
    /// Times that a process was made to wait.
    pub involuntary_switches: i64,
    /// Page faults served without reading from a disk.
    pub minor_faults: i64,
}

impl Lifetime {
    /// All children of this process that have been reaped so far.
    ///
    /// # Errors
    /// The system call failed.
    pub fn of_reaped_children() -> io::Result<Lifetime> {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        let cpu = usage.user_time() + usage.system_time();
        Ok(Lifetime {
            cpu_s: cpu.tv_sec() as f64 + cpu.tv_usec() as f64 / 1e6,
            voluntary_switches: usage.voluntary_context_switches(),
            involuntary_switches: usage.involuntary_context_switches(),
            minor_faults: usage.minor_page_faults(),
        })
    }

    /// What has come on top of `earlier`.
    pub fn since(self, earlier: Lifetime) -> Lifetime {
        Lifetime {
            cpu_s: self.cpu_s - earlier.cpu_s,
            voluntary_switches: self.voluntary_switches - earlier.voluntary_switches,
            involuntary_switches: self.involuntary_switches - earlier.involuntary_switches,
            minor_faults: self.minor_faults - earlier.minor_faults,
        }
    }
}

#[cfg(test)]
#[path = "accounting_tests.rs"]
mod tests;
