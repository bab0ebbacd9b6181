//! Processes and their CPU times.

use std::fs;
use std::io::Read;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::kept::{FromStart, Kept};
use crate::sys::usage::{cpu_of, tick_length};

/// What `/proc` says about one process now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::status) struct Process {
    /// CPU time of all its threads.
    pub(in crate::status) own: Duration,
    /// CPU time of the children that it has waited for.
    pub(in crate::status) reaped: Option<Duration>,
    /// The number of its threads.
    pub(in crate::status) threads: Option<u64>,
    /// Whether it has ended and its parent has not waited for it yet.
    pub(in crate::status) is_zombie: bool,
}

impl Process {
    /// Looks at a process; `None` if there is no such process, or no permission.
    pub(in crate::status) fn look(pid: u32) -> Option<Self> {
        Self::new(pid, fs::read_to_string(format!("/proc/{pid}/stat")).ok())
    }

    /// Looks at the main process, through the file that was kept open if there is one.
    pub(in crate::status) fn look_at_main(pid: u32, kept: Option<&Kept>) -> Option<Self> {
        let Some(file) = kept.and_then(|kept| kept.stat.as_ref()) else {
            return Self::look(pid);
        };
        let mut stat = String::new();
        let read = FromStart::of(file).read_to_string(&mut stat);
        Self::new(pid, read.is_ok().then_some(stat))
    }

    /// Takes the CPU time from the clock of the process, which is exact. `/proc/PID/stat` rounds it
    /// down to ticks of 10 ms: in a large pool whose workers have each done little, all would
    /// round to nothing.
    fn new(pid: u32, stat: Option<String>) -> Option<Self> {
        let stat = stat.and_then(|stat| parse_stat(&stat));
        match cpu_of(pid) {
            Some(own) => Some(Self {
                own,
                ..stat.unwrap_or_default()
            }),
            None => stat,
        }
    }
}

/// CPU time of one thread: `/proc/PID/task/TID/schedstat`, in nanoseconds, if the kernel was built
/// with it.
pub(in crate::status) fn cpu_of_thread(pid: u32, tid: u32) -> Option<Duration> {
    let read = |name| fs::read_to_string(format!("/proc/{pid}/task/{tid}/{name}")).ok();
    let exact = || read("schedstat")?.split_whitespace().next()?.parse().ok();
    let exact = exact().filter(|&ns| ns > 0).map(Duration::from_nanos);
    exact.or_else(|| Some(parse_stat(&read("stat")?)?.own))
}

/// Parses `proc_pid_stat(5)`: field 3 is the state, 14 to 17 are the times, 20 is the number of
/// threads.
fn parse_stat(stat: &str) -> Option<Process> {
    // Field 2 is the name in parentheses and may hold anything, parentheses included.
    let (_, rest) = stat.rsplit_once(')')?;
    let field = |number: usize| rest.split_whitespace().nth(number - 3);
    let number = |at: usize| field(at)?.parse::<u32>().ok();
    let tick = tick_length();
    Some(Process {
        own: tick * (number(14)? + number(15)?),
        reaped: Some(tick * (number(16)? + number(17)?)),
        threads: Some(number(20)?.into()),
        is_zombie: matches!(field(3)?, "Z" | "X"),
    })
}

/// Whether there is such a process, a zombie included. This works without `/proc`.
pub(in crate::status) fn exists(pid: u32) -> bool {
    kill(Pid::from_raw(pid.cast_signed()), None) != Err(Errno::ESRCH)
}

/// Whether the process has another process ID in its own PID namespace than in ours. `NSpid` in
/// `proc_pid_status(5)` lists its ID in each namespace from ours down.
pub(in crate::status) fn is_in_another_namespace(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.is_some_and(|numbers| numbers.split_whitespace().count() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 3 0 99 0 0";
        let process = parse_stat(stat).unwrap();
        let tick = tick_length();
        assert_eq!(process.own, tick * 200);
        assert_eq!(
            (process.reaped, process.threads),
            (Some(tick * 50), Some(3))
        );
        assert!(!process.is_zombie);
        assert!(parse_stat(&stat.replace(" S ", " Z ")).unwrap().is_zombie);
        assert_eq!(parse_stat("7 (a) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn processes_are_there_or_not() {
        let pid = std::process::id();
        assert!(exists(pid));
        assert!(Process::look(pid).is_some_and(|it| it.threads.is_some() && !it.is_zombie));
        assert!(cpu_of_thread(pid, pid).is_some());
        // Beyond the largest process ID that the kernel can be told to give out.
        assert!(!exists(1 << 30));
        assert_eq!(Process::look(1 << 30), None);
    }

    /// A reader in a sandbox can open no file, but reads the kept ones again.
    #[test]
    fn what_is_kept_open_stays_up_to_date() {
        let pid = std::process::id();
        let kept = Kept::open();
        let look = || Process::look_at_main(pid, Some(&kept)).unwrap();
        let before = look();
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let another = std::thread::spawn(move || wait.recv());
        // Other tests start and end threads meanwhile, so this may take a few looks.
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while look().threads == before.threads {
            assert!(
                std::time::Instant::now() < deadline,
                "the number of threads never changes"
            );
        }
        assert!(look().own >= before.own && look().reaped.is_some());
        drop(release);
        assert!(another.join().unwrap().is_err());
    }
}
