//! What `/proc` knows of a server's processes: CPU time, sockets. Where there is no `/proc` (behind
//! a chroot) or no right to read in it, all of this is simply unknown.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::FileExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::sys::usage::{cpu_of, tick_length};

/// What was opened while that was still allowed. Permission to read in `/proc` is looked at when a
/// file is opened, and whoever reads it from its start gets what it says now.
#[derive(Debug)]
pub(super) struct Kept {
    stat: Option<File>,
    /// The tables of sockets, without and with IPv6.
    tables: [Option<File>; 2],
}

impl Kept {
    /// What concerns the whole server whose main process is this one.
    pub(super) fn open() -> Self {
        let open = |name| File::open(format!("/proc/self/{name}")).ok();
        Self {
            stat: open("stat"),
            tables: [open("net/tcp"), open("net/tcp6")],
        }
    }
}

/// Reads a file from its start, wherever others that share it have read.
struct FromStart<'a> {
    file: &'a File,
    at: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// A process as it is now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Process {
    /// What it has used of the CPU, with all its threads.
    pub(super) own: Duration,
    /// What its children that it has waited for had used.
    pub(super) reaped: Option<Duration>,
    /// How many threads it has.
    pub(super) threads: Option<u64>,
    /// It has ended, and nobody has taken note of it yet.
    pub(super) is_zombie: bool,
}

impl Process {
    /// What is to be known of it; nothing of one that is not there.
    pub(super) fn look(pid: u32) -> Option<Self> {
        Self::new(pid, fs::read_to_string(format!("/proc/{pid}/stat")).ok())
    }

    /// The same of the main process, when `/proc` is out of reach by now.
    pub(super) fn look_at_main(pid: u32, kept: Option<&Kept>) -> Option<Self> {
        let Some(file) = kept.and_then(|kept| kept.stat.as_ref()) else {
            return Self::look(pid);
        };
        let mut stat = String::new();
        let read = FromStart { file, at: 0 }.read_to_string(&mut stat);
        Self::new(pid, read.is_ok().then_some(stat))
    }

    /// The kernel keeps the time of the living exact, and in `/proc/PID/stat` it rounds it down to
    /// ticks of 10 ms: of a pool of many workers who have done little each, nothing would be left.
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

/// What one thread has used of the CPU: `/proc/PID/task/TID/schedstat`, in nanoseconds, where the
/// kernel has it.
pub(super) fn cpu_of_thread(pid: u32, tid: u32) -> Option<Duration> {
    let read = |name| fs::read_to_string(format!("/proc/{pid}/task/{tid}/{name}")).ok();
    let exact = || read("schedstat")?.split_whitespace().next()?.parse().ok();
    let exact = exact().filter(|&ns| ns > 0).map(Duration::from_nanos);
    exact.or_else(|| Some(parse_stat(&read("stat")?)?.own))
}

/// `proc_pid_stat(5)`: field 3 is the state, 14 to 17 are the times, 20 is the number of threads.
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
pub(super) fn accept_queue(
    pid: u32,
    address: SocketAddr,
    kept: Option<&Kept>,
) -> Option<(u64, u64)> {
    let kept = kept.and_then(|kept| kept.tables[usize::from(address.is_ipv6())].as_ref());
    match kept {
        Some(file) => count_waiting(FromStart { file, at: 0 }, address),
        None => {
            let table = if address.is_ipv6() { "tcp6" } else { "tcp" };
            count_waiting(
                File::open(format!("/proc/{pid}/net/{table}")).ok()?,
                address,
            )
        }
    }
}

fn count_waiting(table: impl Read, address: SocketAddr) -> Option<(u64, u64)> {
    // The table begins with the sockets that listen, so this does not read thousands of others.
    let listening = sockets(table).take_while(|socket| socket.is_listening);
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
    /// Bytes that nobody has read or, for a socket that listens, connections that nobody has
    /// accepted (`get_tcp4_sock` in the kernel's `net/ipv4/tcp_ipv4.c`).
    receive_queue: u64,
}

fn sockets(table: impl Read) -> impl Iterator<Item = Socket> {
    let lines = BufReader::new(table).lines().map_while(Result::ok);
    lines.skip(1).filter_map(|line| parse_socket(&line))
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
            let bytes = [group(0)?, group(1)?, group(2)?, group(3)?].concat();
            Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical()
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
    fn addresses_are_read_as_the_kernel_spells_them() {
        let spelt = |bytes: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(bytes));
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
        let kept = Kept::open();
        let waiting = || {
            let now = accept_queue(pid, address, None);
            assert_eq!(accept_queue(pid, address, Some(&kept)), now);
            now
        };
        assert_eq!(waiting(), Some((0, 1)));
        let client = std::net::TcpStream::connect(address).unwrap();
        assert_eq!(waiting(), Some((1, 1)));
        let (accepted, _) = listener.accept().unwrap();
        assert_eq!(waiting(), Some((0, 1)));
        assert!(socket_inode(pid, std::os::fd::AsRawFd::as_raw_fd(&accepted)).is_some());
        assert_eq!(socket_inode(pid, 0), None, "standard input is no socket");
        drop(client);
        drop(listener);
        assert_eq!(waiting(), None);
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

    /// Where nothing can be opened any more, what was opened before is read anew.
    #[test]
    fn what_is_kept_open_stays_up_to_date() {
        let pid = std::process::id();
        let kept = Kept::open();
        let look = || Process::look_at_main(pid, Some(&kept)).unwrap();
        let before = look();
        let (release, wait) = std::sync::mpsc::channel::<()>();
        let another = std::thread::spawn(move || wait.recv());
        // Other tests begin and end their threads meanwhile, so it may take a few looks.
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while look().threads == before.threads {
            assert!(
                std::time::Instant::now() < deadline,
                "it is the same forever"
            );
        }
        assert!(look().own >= before.own && look().reaped.is_some());
        drop(release);
        assert!(another.join().unwrap().is_err());
    }
}
