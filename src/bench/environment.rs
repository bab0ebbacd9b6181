//! The machine and the program that the figures come from.

use std::collections::BTreeMap;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::utsname::uname;
use nix::unistd::{SysconfVar, sysconf};
use serde::{Deserialize, Serialize};

use super::layout::Layout;
use crate::sys::calendar::Calendar;
use crate::sys::usage::meminfo_kib;

/// Kernel settings that limit a server under load.
const SYSCTLS: [&str; 5] = [
    "net/core/somaxconn",
    "net/ipv4/ip_local_port_range",
    "net/ipv4/tcp_max_syn_backlog",
    "net/ipv4/tcp_tw_reuse",
    "kernel/sched_autogroup_enabled",
];

/// Everything beside the models that decides the figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Of this program.
    pub version: String,
    /// `release`, or `debug`: an unoptimised build, whose figures say little.
    pub build: String,
    /// As it was typed.
    pub command_line: Vec<String>,
    /// UTC, like `2026-03-01T12:30:00Z`.
    pub started: String,
    /// Name, release and build of the kernel.
    pub kernel: String,
    /// `x86_64`, …
    pub architecture: String,
    /// As the kernel names it.
    pub cpu_model: String,
    /// Processors that are online.
    pub cpus: usize,
    /// Which side has which processors.
    pub layout: Layout,
    /// Main memory.
    pub memory_kib: u64,
    /// Kernel settings by their name under `/proc/sys`; those that this kernel has.
    pub sysctls: BTreeMap<String, String>,
    /// The part of all processors' time that the hypervisor gave to others over the whole bench.
    pub steal_share: f64,
}

impl Environment {
    /// Reads all of it.
    pub fn look(layout: Layout) -> Environment {
        let system = uname().ok();
        let part = |field: fn(&nix::sys::utsname::UtsName) -> &std::ffi::OsStr| {
            system
                .as_ref()
                .map(|uts| field(uts).to_string_lossy().into_owned())
                .unwrap_or_default()
        };
        let kernel = [
            part(|uts| uts.sysname()),
            part(|uts| uts.release()),
            part(|uts| uts.version()),
        ];
        Environment {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            build: if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            }
            .to_owned(),
            command_line: std::env::args().collect(),
            started: utc(SystemTime::now()),
            kernel: kernel.join(" "),
            architecture: part(|uts| uts.machine()),
            cpu_model: field("/proc/cpuinfo", "model name").unwrap_or_default(),
            cpus: cpus_online().unwrap_or(1),
            layout,
            memory_kib: meminfo_kib("MemTotal").unwrap_or(0),
            sysctls: SYSCTLS.into_iter().filter_map(sysctl).collect(),
            steal_share: 0.0,
        }
    }
}

/// Processors of the machine, whichever of them this process may use: `sysconf(3)`.
fn cpus_online() -> Option<usize> {
    let online = sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten()?;
    usize::try_from(online).ok()
}

/// A moment as RFC 3339 has it, in UTC and whole seconds.
pub fn utc(moment: SystemTime) -> String {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}Z", Calendar::at(since))
}

fn sysctl(name: &str) -> Option<(String, String)> {
    let value = fs::read_to_string(format!("/proc/sys/{name}")).ok()?;
    Some((
        name.replace('/', "."),
        value.split_whitespace().collect::<Vec<_>>().join(" "),
    ))
}

/// The value of the first `name: value` line.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn moments_are_written_in_the_international_way() {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(utc(moment), "1994-11-06T08:49:37Z");
    }

    #[test]
    fn this_machine_has_a_kernel_and_memory() {
        let here = Environment::look(Layout::of_this_machine().unwrap());
        assert!(here.kernel.starts_with("Linux "), "{}", here.kernel);
        assert!(here.memory_kib > 0 && here.cpus > 0);
        assert!(here.sysctls.contains_key("net.core.somaxconn"));
    }
}
