//! Processes and sockets as `/proc` shows them (`proc(5)`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use servers::sys::sock_diag::{Connection, connections};

/// A line of `/proc/PID/stat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    /// `R`, `S`, `D`, `T`, `Z`, …
    pub(crate) state: char,
    /// User and system time, that of reaped children included, in clock ticks.
    pub(crate) cpu_ticks: u64,
    /// When it started, in clock ticks after boot. A process ID and this are never reused together.
    pub(crate) started: u64,
}

impl Process {
    /// The process of that ID, unless there is none.
    pub(crate) fn find(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in parentheses and may hold anything, parentheses included.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            pid,
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            cpu_ticks: (11..=14).filter_map(number).sum(),
            started: number(19)?,
        })
    }

    /// Whether it still runs. A dead orphan may stay a zombie for as long as process 1 pleases.
    pub(crate) fn is_alive(&self) -> bool {
        Self::find(self.pid)
            .is_some_and(|now| now.started == self.started && !"ZX".contains(now.state))
    }

    /// Its open descriptors; what each of them refers to.
    pub(crate) fn descriptors(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(format!("/proc/{}/fd", self.pid)) else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .map(|target| target.to_string_lossy().into_owned())
            .collect()
    }

    /// How many threads it has.
    pub(crate) fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.pid)).map_or(0, Iterator::count)
    }
}

/// The process and all its descendants, zombies included.
pub(crate) fn tree(root: i32) -> Vec<Process> {
    let mut by_parent: BTreeMap<i32, Vec<Process>> = BTreeMap::new();
    for process in numbers().filter_map(Process::find) {
        by_parent.entry(process.parent).or_default().push(process);
    }
    let mut found: Vec<Process> = Process::find(root).into_iter().collect();
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let children = by_parent.remove(&process.pid).unwrap_or_default();
        found.extend(children);
        next += 1;
    }
    found
}

/// Kills a process that has not been reaped yet, and all its descendants. Workers are tied to their
/// master and would die with it, a successor would not.
pub(crate) fn kill_tree(root: i32) {
    // A stopped process starts no more children.
    let _ = kill(Pid::from_raw(root), Signal::SIGSTOP);
    for process in tree(root).iter().rev() {
        // An error means that the process has ended meanwhile.
        let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
    }
}

/// The processes in whose command lines this stands.
pub(crate) fn naming(words: &str) -> Vec<i32> {
    let names_it = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(words)
    };
    numbers().filter(names_it).collect()
}

/// All processes.
fn numbers() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// CPU time of the whole tree, in seconds; reaped children are counted.
pub(crate) fn cpu_seconds(root: i32) -> f64 {
    let ticks: u64 = tree(root).iter().map(|process| process.cpu_ticks).sum();
    let per_second = sysconf(SysconfVar::CLK_TCK).unwrap().unwrap();
    ticks as f64 / per_second as f64
}

/// Memory of the whole tree, in KiB; what processes share counts once.
pub(crate) fn pss_kib(root: i32) -> u64 {
    tree(root)
        .iter()
        .map(|process| rolled_up(process.pid, "Pss:"))
        .sum()
}

/// A line of a process's `smaps_rollup`, in KiB.
fn rolled_up(pid: i32, name: &str) -> u64 {
    let path = format!("/proc/{pid}/smaps_rollup");
    let rollup = fs::read_to_string(path).unwrap_or_default();
    let line = rollup.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0)
}

/// The size of the main thread's stack and how much of it is resident, in KiB.
pub(crate) fn stack_kib(pid: i32) -> (u64, u64) {
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let stack = smaps.split("[stack]").nth(1).unwrap();
    let kib = |name: &str| {
        let line = stack.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().split_whitespace().next().unwrap().parse()
    };
    (kib("Size:").unwrap(), kib("Rss:").unwrap())
}

/// A line of `/proc/PID/status`.
pub(crate) fn status(pid: i32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_default().trim().to_owned()
}

/// Memory of the whole tree that is backed by no file, in KiB; what processes share counts for
/// each.
pub(crate) fn anonymous_kib(root: i32) -> u64 {
    tree(root)
        .iter()
        .map(|process| rolled_up(process.pid, "Anonymous:"))
        .sum()
}

/// The server's end of an open connection. `/proc/net/tcp` has it as well, among tens of thousands
/// of lines for closed connections: reading them takes too long for a state that lasts a second.
pub(crate) fn socket(local: SocketAddr, remote: SocketAddr) -> Option<Connection> {
    let all = connections(local.port(), local.is_ipv6()).unwrap();
    all.into_iter().find(|it| it.peer == remote)
}

/// Connections in the accept queue of the listeners at this address, together.
pub(crate) fn accept_queue(local: SocketAddr) -> u64 {
    const LISTENING: &str = "0A";
    let local = spell(local);
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let queue = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_listener = fields.get(1) == Some(&local.as_str()) && fields[3] == LISTENING;
        is_listener.then(|| u64::from_str_radix(fields[4].split_once(':').unwrap().1, 16).unwrap())
    };
    table.lines().filter_map(queue).sum()
}

/// The names in `/proc/PID/fd` of all sockets that are no connections of clients: listeners, and
/// sockets between processes.
pub(crate) fn standing_sockets() -> BTreeSet<String> {
    let column = |path: &str, state: Option<&str>, inode: usize| -> Vec<String> {
        let table = fs::read_to_string(path).unwrap();
        let rows = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>());
        rows.filter(|row| state.is_none_or(|state| row.get(3) == Some(&state)))
            .filter_map(|row| Some(format!("socket:[{}]", row.get(inode)?)))
            .collect()
    };
    let listening = column("/proc/net/tcp", Some("0A"), 9);
    let local = column("/proc/net/unix", None, 6);
    listening.into_iter().chain(local).collect()
}

/// The system call that the process sleeps in (`proc_pid_syscall(5)`).
pub(crate) fn system_call(pid: i32) -> Option<i64> {
    let line = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
    line.split(' ').next()?.parse().ok()
}

/// How many milliseconds a process sleeps in `poll(2)` at most, if it does; -1 is for ever.
#[cfg(target_arch = "x86_64")]
pub(crate) fn poll_timeout(pid: i32) -> Option<i64> {
    let line = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
    let words: Vec<&str> = line.split(' ').collect();
    if words.first()?.parse() != Ok(libc::SYS_poll) {
        return None;
    }
    let timeout = words.get(3)?.strip_prefix("0x")?;
    // An int in a wider register.
    let timeout = u64::from_str_radix(timeout, 16).ok()? as u32;
    Some(timeout.cast_signed().into())
}

/// An address as `/proc/net/tcp` spells it: the bytes in the machine's order, in hexadecimal.
fn spell(address: SocketAddr) -> String {
    let SocketAddr::V4(address) = address else {
        panic!("the tests listen on IPv4");
    };
    let number = u32::from_ne_bytes(address.ip().octets());
    format!("{number:08X}:{:04X}", address.port())
}

/// Signals that have been sent to the process and not been taken, as a mask.
pub(crate) fn pending_signals(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let masks = status.lines().filter_map(|line| {
        let mask = line
            .strip_prefix("ShdPnd:")
            .or_else(|| line.strip_prefix("SigPnd:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    });
    masks.fold(0, |all, mask| all | mask)
}
