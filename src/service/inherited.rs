//! Listeners that were open before this process began: from systemd, or from the master that it
//! is to replace.
//!
//! systemd passes three variables and descriptors from 3 on (`sd_listen_fds(3)`). They are meant
//! only for the process whose ID is in LISTEN_PID; other processes may inherit them by accident.
//! A master cannot know its successor's ID before that exists. So it names each descriptor with the
//! inode of its socket, and the successor compares.

use std::env;
use std::fmt::Write;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::sys::stat::fstat;
use nix::unistd::{Pid, getpid, getppid};

use super::upgrade_channel::UpgradeChannel;
use crate::sys::{inherit, net};

/// What a master passes to its successor: the model, its own process ID, then `DESCRIPTOR=INODE`
/// for the upgrade channel and for each listener.
pub const VARIABLE: &str = "SERVERS_LISTENERS";

/// The inherited listeners, and the process that has passed them.
pub struct Inherited {
    /// The master that is to be replaced; `None` if systemd has opened the port.
    pub predecessor: Option<Predecessor>,
    /// In the order in which they were passed; at least one.
    pub listeners: Vec<OwnedFd>,
}

/// The master that has started this process.
pub struct Predecessor {
    /// It must be this process's model as well.
    pub model: String,
    /// The parent of this process, as long as it lives.
    pub pid: Pid,
    /// Where each of the two says whether it serves.
    pub channel: UpgradeChannel,
}

/// The process that has started this one to be replaced by it, if it still lives.
pub fn predecessor() -> Option<Pid> {
    let value = env::var(VARIABLE).ok()?;
    let pid = Pid::from_raw(value.split(' ').nth(1)?.parse().ok()?);
    (pid == getppid()).then_some(pid)
}

/// Takes the inherited listeners, if there are any. To be called once.
///
/// # Errors
/// An announced descriptor is not open, or is no listening socket.
pub fn take() -> io::Result<Option<Inherited>> {
    if let Ok(value) = env::var(VARIABLE)
        && let Some(inherited) = from_predecessor(&value)?
    {
        return Ok(Some(inherited));
    }
    let listeners = announced()?
        .map(inherit::adopt)
        .collect::<io::Result<Vec<_>>>()?;
    for listener in &listeners {
        // systemd or another program may have set O_NONBLOCK, which belongs to the socket and is
        // inherited with it. (A predecessor has the same model, and has set it as that needs it.)
        net::set_nonblocking(listener, false)?;
    }
    Ok((!listeners.is_empty()).then_some(Inherited {
        predecessor: None,
        listeners,
    }))
}

/// The descriptors that systemd has opened for this process; none if LISTEN_PID names another.
fn announced() -> io::Result<Range<RawFd>> {
    const FIRST: RawFd = 3;
    let is_meant = env::var("LISTEN_PID").is_ok_and(|pid| pid.parse() == Ok(std::process::id()));
    let Some(count) = env::var("LISTEN_FDS").ok().filter(|_| is_meant) else {
        return Ok(FIRST..FIRST);
    };
    let end = count
        .parse()
        .ok()
        .and_then(|it| FIRST.checked_add_unsigned(it));
    let complaint = || io::Error::other(format!("LISTEN_FDS={count} is no number of descriptors"));
    Ok(FIRST..end.ok_or_else(complaint)?)
}

/// `None` if a descriptor is not the socket that its inode names: then this process has inherited
/// the variable, but not from a predecessor.
fn from_predecessor(value: &str) -> io::Result<Option<Inherited>> {
    let mut words = value.split(' ');
    let model = words.next().unwrap_or_default().to_owned();
    let pid = words.next().and_then(|word| word.parse().ok());
    let meant = words.map(parse).collect::<Option<Vec<_>>>();
    let (Some(pid), Some(meant)) = (pid, meant) else {
        return Ok(None);
    };
    let is_meant = |&(descriptor, inode)| inherit::inode(descriptor) == Some(inode);
    if meant.len() < 2 || !meant.iter().all(is_meant) {
        return Ok(None);
    }
    let mut descriptors = meant.iter().map(|&(descriptor, _)| descriptor);
    let channel = descriptors.next().map(inherit::take).transpose()?;
    let Some(channel) = channel else {
        return Ok(None);
    };
    let predecessor = Predecessor {
        model,
        pid: Pid::from_raw(pid),
        channel: UpgradeChannel::adopt(channel)?,
    };
    Ok(Some(Inherited {
        predecessor: Some(predecessor),
        listeners: descriptors.map(inherit::adopt).collect::<io::Result<_>>()?,
    }))
}

fn parse(word: &str) -> Option<(RawFd, u64)> {
    let (descriptor, inode) = word.split_once('=')?;
    Some((descriptor.parse().ok()?, inode.parse().ok()?))
}

/// The value of [`VARIABLE`] for a successor that inherits this channel and these listeners.
///
/// # Errors
/// A descriptor is not open.
pub fn describe(
    model: &str,
    channel: BorrowedFd<'_>,
    listeners: &[BorrowedFd<'_>],
) -> io::Result<String> {
    let mut value = format!("{model} {}", getpid());
    for descriptor in std::iter::once(channel).chain(listeners.iter().copied()) {
        let inode = fstat(descriptor)?.st_ino;
        // Writing to a string does not fail.
        let _ = write!(value, " {}={inode}", descriptor.as_raw_fd());
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::upgrade_channel::PeerState;
    use crate::sys::address::Address;
    use std::net::TcpListener;
    use std::os::fd::{AsFd, IntoRawFd};

    #[test]
    fn a_successor_gets_what_its_predecessor_has_described() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (channel, handed_over) = UpgradeChannel::open().unwrap();
        let value = describe("prefork", handed_over.as_fd(), &[listener.as_fd()]).unwrap();
        // Nothing in this process owns these descriptors any more, as after exec.
        let _ = (listener.into_raw_fd(), handed_over.into_raw_fd());
        let inherited = from_predecessor(&value).unwrap().unwrap();
        let predecessor = inherited.predecessor.unwrap();
        assert_eq!(predecessor.model, "prefork");
        assert_eq!(predecessor.pid, getpid());
        assert_eq!(channel.peer(), PeerState::Starting);
        predecessor.channel.announce_serving();
        assert_eq!(channel.peer(), PeerState::Serving);
        let inherited = net::local_address(&inherited.listeners[0]);
        assert_eq!(inherited, Some(Address::Tcp(address)));
    }

    #[test]
    fn variables_that_do_not_match_are_ignored() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let descriptor = other.as_raw_fd();
        for value in [
            "",
            "prefork",
            "prefork 3",
            "prefork x=y",
            "prefork 1 x=y",
            "prefork 1 1000000=1 1000000=1",
            &format!("prefork 1 {descriptor}=1 {descriptor}=1"),
        ] {
            assert!(from_predecessor(value).unwrap().is_none(), "{value:?}");
        }
    }
}
