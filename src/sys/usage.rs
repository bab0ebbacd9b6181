//! The CPU time and the memory of a process.

use std::fs;
use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::{Pid, SysconfVar, sysconf};

/// The largest process ID: PID_MAX_LIMIT in the kernel's `linux/threads.h`.
const PID_MAX: u32 = 1 << 22;

/// CPU time of a process so far, in nanoseconds, with that of threads that have ended, without that
/// of children (`clock_getcpuclockid(3)`). Needs no `/proc` and no right over the process. `None`
/// if there is no such process.
pub fn cpu_of(pid: u32) -> Option<Duration> {
    if !(1..=PID_MAX).contains(&pid) {
        // The clock's number has too few bits for it, and would name another process.
        return None;
    }
    let clock = clock_getcpuclockid(Pid::from_raw(pid.cast_signed()));
    clock.and_then(ClockId::now).ok().map(Duration::from)
}

/// The unit of the kernel's times in `/proc/PID/stat`: `sysconf(3)`, _SC_CLK_TCK.
pub fn tick_length() -> Duration {
    let per_second = sysconf(SysconfVar::CLK_TCK)
        .ok()
        .flatten()
        .and_then(|n| u32::try_from(n).ok());
    // 100 on every Linux today, but only sysconf is specified.
    Duration::from_secs(1) / per_second.unwrap_or(100).max(1)
}

/// A number of KiB about the memory of the machine, by its name in `proc_meminfo(5)`.
pub fn meminfo_kib(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let mut lines = text.lines();
    let value = lines.find_map(|it| it.strip_prefix(name)?.strip_prefix(':'))?;
    value.split_whitespace().next()?.parse().ok()
}

/// The resident set of a process in MiB, rounded down; `None` if there is no such process.
///
/// It counts what the process shares with others in full. But the kernel keeps the number, so that
/// reading it (`proc_pid_statm(5)`) takes no lock of the process and cannot wait for it.
pub fn resident_mib(pid: u32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    let page_bytes = sysconf(SysconfVar::PAGE_SIZE).ok().flatten()?;
    Some(pages * u64::try_from(page_bytes).ok()? / (1 << 20))
}

/// The proportional set size of a process in KiB: each page divided by the number of processes that
/// map it, so that a page which a pool shares counts once (`/proc/PID/smaps_rollup`,
/// `proc_pid_smaps(5)`). 0 for a process that has ended; `None` if reading it is forbidden.
///
/// Reading it holds a lock of the process for some microseconds, and a fork in that process waits
/// for the lock. So call it seldom.
pub fn pss_kib(pid: u32) -> Option<u64> {
    match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
        Ok(rollup) => parse_pss(&rollup),
        Err(error) => match error.raw_os_error() {
            Some(libc::ENOENT | libc::ESRCH) => Some(0),
            _ => None,
        },
    }
}

fn parse_pss(rollup: &str) -> Option<u64> {
    let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    pss.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_some_of_both() {
        let pid = std::process::id();
        assert!(cpu_of(pid).is_some_and(|it| it > Duration::ZERO));
        assert!(pss_kib(pid).is_some_and(|it| it > 0));
        for unused in [0, PID_MAX + 1, 1 << 30, u32::MAX] {
            assert_eq!(cpu_of(unused), None, "{unused}");
        }
        assert_eq!(pss_kib(1 << 30), Some(0));
    }

    #[test]
    fn pss_is_one_line_of_several() {
        let rollup = "55d8-7ffd ---p 00000000 00:00 0  [rollup]\nRss:  1 kB\nPss:  884 kB\n\
            Pss_Dirty:  90 kB\n";
        assert_eq!(parse_pss(rollup), Some(884));
        assert_eq!(parse_pss(""), None);
    }
}
