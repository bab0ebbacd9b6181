//! What this machine allows, looked at before thousands of connections are tried. Pure, but for
//! the reading.
//!
//! A limit that is met unawares looks like a model that breaks down. So what is too small for the
//! experiment stops it, what can be raised is raised, and the rest is said.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors that a server or the bench has open besides its connections, and those of
/// connections that are just being closed.
const DESCRIPTORS_BESIDES: u64 = 1000;
/// The usual range of ephemeral ports, where it cannot be read.
const PORTS_DEFAULT: u64 = 28_232;
/// A port stays taken for a while after its connection has ended (TIME_WAIT), and the kernel finds
/// a free one quickly only while most are free. So there should be so many for each connection.
const PORTS_PER_CONNECTION: u64 = 4;
/// 127.0.0.2 is the first source address; there are so many at the most.
const SOURCES_MAX: u64 = 250;

/// The limits of this machine that many connections meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The hard limit of descriptors for each process: RLIMIT_NOFILE of getrlimit(2).
    pub descriptors: u64,
    /// Ports that the kernel gives to outgoing connections of one address: ip(7).
    pub ports: u64,
    /// The most that an accept queue can hold: net.core.somaxconn of listen(2).
    pub accept_queue: u64,
    /// Processes and threads that there may be: the smallest of kernel.pid_max, kernel.threads-max,
    /// RLIMIT_NPROC and the control group's pids.max.
    pub tasks: u64,
}

impl Limits {
    /// Reads them; what cannot be read counts as the usual.
    pub fn of_this_machine() -> Limits {
        let processes = getrlimit(Resource::RLIMIT_NPROC).map_or(u64::MAX, |(soft, _)| soft);
        let tasks = [
            number("/proc/sys/kernel/pid_max"),
            number("/proc/sys/kernel/threads-max"),
            number(&format!("/sys/fs/cgroup{}/pids.max", control_group())),
            Some(processes),
        ];
        Limits {
            descriptors: getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(_, hard)| hard),
            ports: ephemeral_ports(),
            accept_queue: number("/proc/sys/net/core/somaxconn").unwrap_or(4096),
            tasks: tasks.into_iter().flatten().min().unwrap_or(u64::MAX),
        }
    }

    /// Whether `connections` at a time are possible at all, and what stands in their way otherwise;
    /// each a sentence.
    ///
    /// # Errors
    /// They are not: why, and what to do about it.
    pub fn check(&self, connections: u64) -> Result<Vec<String>, String> {
        let needed = connections + DESCRIPTORS_BESIDES;
        if needed > self.descriptors {
            let (limit, most) = (
                self.descriptors,
                self.descriptors.saturating_sub(DESCRIPTORS_BESIDES),
            );
            return Err(format!(
                "{connections} connections need {needed} descriptors in the server and as many in \
                 the bench, and the hard limit is {limit}: use at most {most} connections, or \
                 raise it (ulimit -Hn)"
            ));
        }
        let mut said = vec![format!(
            "descriptors: {needed} needed, {} allowed in each process",
            self.descriptors
        )];
        let (sources, ports) = (self.sources_for(connections), self.ports);
        said.push(match sources {
            0 | 1 => format!("ephemeral ports: {ports}, enough for one source address"),
            _ => format!(
                "ephemeral ports: {ports} for each source address, so there are {sources} of these"
            ),
        });
        if connections > self.accept_queue {
            said.push(format!(
                "accept queue: no longer than {} (net.core.somaxconn); who comes when it is full \
                 is not answered and tries again a second later",
                self.accept_queue
            ));
        }
        if connections + DESCRIPTORS_BESIDES > self.tasks {
            said.push(format!(
                "processes and threads: {} at the most, so a model with one for each connection \
                 meets that limit before",
                self.tasks
            ));
        }
        Ok(said)
    }

    /// How many source addresses it takes that ports do not run short.
    fn sources_for(&self, connections: u64) -> u64 {
        (connections * PORTS_PER_CONNECTION)
            .div_ceil(self.ports.max(1))
            .min(SOURCES_MAX)
    }
}

/// Raises this process's soft limit of descriptors, which servers started from now on inherit, to
/// what `connections` need.
///
/// # Errors
/// The system call failed.
pub fn allow_descriptors(connections: u64) -> io::Result<()> {
    let needed = connections + DESCRIPTORS_BESIDES;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < needed {
        setrlimit(Resource::RLIMIT_NOFILE, needed.min(hard), hard)?;
    }
    Ok(())
}

/// Where so many connections come from: none in particular, or loopback addresses enough that
/// their ports do not run short. All of 127.0.0.0/8 is this machine.
pub(super) fn sources(connections: usize) -> Vec<IpAddr> {
    let ports = ephemeral_ports();
    let limits = Limits {
        descriptors: u64::MAX,
        ports,
        accept_queue: u64::MAX,
        tasks: u64::MAX,
    };
    match limits.sources_for(connections as u64) {
        0 | 1 => Vec::new(),
        several => (0..several)
            .map(|n| Ipv4Addr::new(127, 0, 0, 2 + n as u8).into())
            .collect(),
    }
}

fn ephemeral_ports() -> u64 {
    let text = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let ends: Vec<u64> = text.split_whitespace().flat_map(str::parse).collect();
    match ends[..] {
        [first, last] if last >= first => last - first + 1,
        _ => PORTS_DEFAULT,
    }
}

/// The path of this process's control group: cgroups(7), version 2.
fn control_group() -> String {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = text.lines().find_map(|line| line.strip_prefix("0::"));
    path.unwrap_or_default().trim_end_matches('/').to_owned()
}

/// The number in a file; none if it says `max`.
fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Limits = Limits {
        descriptors: 20_000,
        ports: 28_232,
        accept_queue: 4096,
        tasks: 32_768,
    };

    #[test]
    fn few_connections_meet_no_limit() {
        let said = USUAL.check(200).unwrap();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            said[1].contains("enough for one source address"),
            "{said:?}"
        );
    }

    #[test]
    fn many_connections_are_told_what_they_will_meet() {
        let said = USUAL.check(15_000).unwrap().join("\n");
        assert!(said.contains("so there are 3 of these"), "{said}");
        assert!(said.contains("no longer than 4096"), "{said}");
        let said = USUAL.check(19_000).unwrap().join("\n");
        assert!(!said.contains("processes and threads"), "{said}");
        let few = Limits {
            tasks: 10_000,
            ..USUAL
        };
        let said = few.check(15_000).unwrap().join("\n");
        assert!(said.contains("10000 at the most"), "{said}");
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_could_be() {
        let why = USUAL.check(19_001).unwrap_err();
        assert!(why.contains("20001 descriptors"), "{why}");
        assert!(why.contains("at most 19000"), "{why}");
    }

    #[test]
    fn a_few_connections_need_no_address_of_their_own() {
        assert_eq!(sources(16), Vec::<IpAddr>::new());
        let many = sources(1_000_000);
        assert_eq!(many[0], IpAddr::from([127, 0, 0, 2]));
        assert!(many.len() > 1 && many.iter().all(IpAddr::is_loopback));
    }

    #[test]
    fn this_machine_has_limits() {
        let here = Limits::of_this_machine();
        assert!(here.descriptors > 0 && here.ports > 0 && here.tasks > 0);
    }
}
