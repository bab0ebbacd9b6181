//! What `/proc` knows of a server's processes: CPU time, sockets. Where there is no `/proc` (behind
//! a chroot) or no right to read in it, all of this is simply unknown.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, SysconfVar, sysconf};

/// What a process or a thread has used of the CPU, user and system time together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cpu {
    /// Itself.
    pub(super) own: Duration,
    /// Its children that it has waited for.
    pub(super) reaped: Duration,
    /// How many threads it has.
    pub(super) threads: u64,
}

impl Cpu {
    /// A process with all its threads.
    pub(super) fn of_process(pid: u32) -> Option<Self> {
        parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// One thread.
    pub(super) fn of_thread(pid: u32, tid: u32) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")).ok()?;
        Some(parse_stat(&stat)?.own)
    }
}

/// `proc_pid_stat(5)`: fields 14 to 17 are the times, field 20 the number of threads.
fn parse_stat(stat: &str) -> Option<Cpu> {
    // Field 2 is the name in parentheses and may hold anything, parentheses included.
    let (_, rest) = stat.rsplit_once(')')?;
    let field = |number: usize| rest.split_whitespace().nth(number - 3)?.parse::<u64>().ok();
    Some(Cpu {
        own: of_ticks(field(14)? + field(15)?),
        reaped: of_ticks(field(16)? + field(17)?),
        threads: field(20)?,
    })
}

fn of_ticks(ticks: u64) -> Duration {
    // 100 on every Linux that there is, but one is supposed to ask.
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    Duration::from_secs_f64(ticks as f64 / per_second as f64)
}

/// Whether there is such a process, a zombie included. Needs no `/proc`.
pub(super) fn exists(pid: u32) -> bool {
    kill(Pid::from_raw(pid.cast_signed()), None) != Err(Errno::ESRCH)
}

/// Whether the process sees itself under another process ID than this one does. `NSpid` in
/// `proc_pid_status(5)` has a number for each namespace that the process is in, down from ours.
pub(super) fn is_in_another_namespace(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.is_some_and(|numbers| numbers.split_whitespace().count() > 1)
}

/// The inode of the socket that is the process's descriptor `fd`.
pub(super) fn socket_inode(pid: u32, fd: i32) -> Option<u64> {
    let target = fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok()?;
    let inode = target.to_str()?.strip_prefix("socket:[")?;
    inode.strip_suffix(']')?.parse().ok()
}

/// How many connections wait in the accept queues at `address`, and in how many queues: with
/// SO_REUSEPORT there are several.
pub(super) fn accept_queue(pid: u32, address: SocketAddr) -> Option<(u64, u64)> {
    // The table begins with the sockets that listen, so this does not read thousands of others.
    let listening = sockets(pid, address.is_ipv6())?.take_while(|socket| socket.is_listening);
    let ours = listening.filter(|socket| socket.local == address);
    let (length, listeners) = ours.fold((0, 0), |(length, listeners), socket| {
        (length + socket.receive_queue, listeners + 1)
    });
    (listeners > 0).then_some((length, listeners))
}

/// A line of `/proc/net/tcp` or `tcp6` (`proc_pid_net(5)`).
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    is_listening: bool,
    /// Octets that nobody has read or, for a socket that listens, connections that nobody has
    /// accepted (`get_tcp4_sock` in the kernel's `net/ipv4/tcp_ipv4.c`).
    receive_queue: u64,
}

/// The sockets of the network that the process is in.
fn sockets(pid: u32, v6: bool) -> Option<impl Iterator<Item = Socket>> {
    let table = if v6 { "tcp6" } else { "tcp" };
    let file = File::open(format!("/proc/{pid}/net/{table}")).ok()?;
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    Some(lines.skip(1).filter_map(|line| parse_socket(&line)))
}

fn parse_socket(line: &str) -> Option<Socket> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, receive_queue) = fields.get(4)?.split_once(':')?;
    Some(Socket {
        local: parse_address(fields.get(1)?)?,
        is_listening: *fields.get(3)? == LISTEN,
        receive_queue: u64::from_str_radix(receive_queue, 16).ok()?,
    })
}

/// `0100007F:1F90`: 32-bit groups in the machine's order, in hexadecimal, and the port.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (digits, port) = text.split_once(':')?;
    let group = |index: usize| {
        let digits = digits.get(index * 8..index * 8 + 8)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    let address: IpAddr = match digits.len() {
        8 => Ipv4Addr::from(group(0)?).into(),
        _ => {
            let octets = [group(0)?, group(1)?, group(2)?, group(3)?].concat();
            Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?).to_canonical()
        }
    };
    Some(SocketAddr::new(
        address,
        u16::from_str_radix(port, 16).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 3 0 99 0 0";
        let cpu = parse_stat(stat).unwrap();
        assert_eq!(cpu.own, of_ticks(200));
        assert_eq!((cpu.reaped, cpu.threads), (of_ticks(50), 3));
        assert_eq!(parse_stat("7 (a) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn addresses_are_read_as_the_kernel_spells_them() {
        let spelt = |octets: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(octets));
        let v4 = format!("{}:1F90", spelt([127, 0, 0, 1]));
        assert_eq!(parse_address(&v4), Some("127.0.0.1:8080".parse().unwrap()));
        let loopback = [[0; 4], [0; 4], [0; 4], [0, 0, 0, 1]].map(spelt).concat();
        let v6 = format!("{loopback}:0050");
        assert_eq!(parse_address(&v6), Some("[::1]:80".parse().unwrap()));
        for wrong in ["", "0100007F", "0100:1F90", "x:y", "0100007F:12345"] {
            assert_eq!(parse_address(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_listener_and_its_queue_are_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pid = std::process::id();
        assert_eq!(accept_queue(pid, address), Some((0, 1)));
        let client = std::net::TcpStream::connect(address).unwrap();
        assert_eq!(accept_queue(pid, address), Some((1, 1)));
        let (accepted, _) = listener.accept().unwrap();
        assert_eq!(accept_queue(pid, address), Some((0, 1)));
        assert!(socket_inode(pid, std::os::fd::AsRawFd::as_raw_fd(&accepted)).is_some());
        assert_eq!(socket_inode(pid, 0), None, "standard input is no socket");
        drop(client);
        drop(listener);
        assert_eq!(accept_queue(pid, address), None);
    }

    #[test]
    fn processes_are_there_or_not() {
        let pid = std::process::id();
        assert!(exists(pid));
        assert!(Cpu::of_process(pid).is_some());
        assert!(Cpu::of_thread(pid, pid).is_some());
        // Beyond the largest process ID that the kernel can be told to give out.
        assert!(!exists(1 << 30));
        assert_eq!(Cpu::of_process(1 << 30), None);
    }
}
