//! Listeners that were open before this process began: from systemd, or from the master whose
//! place it takes.
//!
//! systemd's way is three variables and descriptors from 3 on (`sd_listen_fds(3)`). They are meant
//! for the process whose ID is in LISTEN_PID and for no other that happens to inherit them.
//! A master that starts its successor cannot know that ID before it exists, so it says instead
//! which socket each descriptor is.

use std::env;
use std::fmt::Write;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::sys::stat::fstat;

use crate::sys::inherit;

/// What a master leaves to its successor: the model, then `DESCRIPTOR=INODE` for each listener.
pub const VARIABLE: &str = "SERVERS_LISTENERS";

/// What was inherited.
#[derive(Debug)]
pub struct Inherited {
    /// The model of the master that is to be replaced; nothing if systemd has opened the port.
    pub model: Option<String>,
    /// In the order in which they were handed over; at least one.
    pub listeners: Vec<TcpListener>,
}

/// Takes over what was inherited, if anything was. To be called once.
///
/// # Errors
/// What was announced is not there, or no listening socket.
pub fn take() -> io::Result<Option<Inherited>> {
    if let Ok(value) = env::var(VARIABLE)
        && let Some(inherited) = from_predecessor(&value)?
    {
        return Ok(Some(inherited));
    }
    let listeners = sd_notify::listen_fds()?
        .map(inherit::adopt)
        .collect::<io::Result<Vec<_>>>()?;
    for listener in &listeners {
        // The flag belongs to the socket, not to the descriptor, and may have been of use to
        // whoever has opened it. A predecessor has left it as this model wants it.
        listener.set_nonblocking(false)?;
    }
    Ok((!listeners.is_empty()).then_some(Inherited {
        model: None,
        listeners,
    }))
}

/// Nothing if the descriptors are not those that are meant: then the variable is a left-over in the
/// environment of somebody else.
fn from_predecessor(value: &str) -> io::Result<Option<Inherited>> {
    let mut words = value.split(' ');
    let model = words.next().unwrap_or_default().to_owned();
    let Some(meant) = words.map(parse).collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let is_meant = |&(descriptor, inode)| inherit::inode(descriptor) == Some(inode);
    if meant.is_empty() || !meant.iter().all(is_meant) {
        return Ok(None);
    }
    let listeners = meant
        .iter()
        .map(|&(descriptor, _)| inherit::adopt(descriptor));
    Ok(Some(Inherited {
        model: Some(model),
        listeners: listeners.collect::<io::Result<_>>()?,
    }))
}

fn parse(word: &str) -> Option<(RawFd, u64)> {
    let (descriptor, inode) = word.split_once('=')?;
    Some((descriptor.parse().ok()?, inode.parse().ok()?))
}

/// The value of [`VARIABLE`] for a successor that is to have these listeners.
///
/// # Errors
/// A descriptor is not open.
pub fn describe(model: &str, listeners: &[BorrowedFd<'_>]) -> io::Result<String> {
    let mut value = model.to_owned();
    for listener in listeners {
        let inode = fstat(listener.as_fd())?.st_ino;
        // Writing to a string does not fail.
        let _ = write!(value, " {}={inode}", listener.as_raw_fd());
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::IntoRawFd;

    #[test]
    fn a_successor_gets_what_its_predecessor_has_described() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let value = describe("prefork", &[listener.as_fd()]).unwrap();
        // From here on the descriptor belongs to nobody, as after exec.
        let _ = listener.into_raw_fd();
        let inherited = from_predecessor(&value).unwrap().unwrap();
        assert_eq!(inherited.model.as_deref(), Some("prefork"));
        assert_eq!(inherited.listeners[0].local_addr().unwrap(), address);
    }

    #[test]
    fn left_overs_are_passed_over() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let descriptor = other.as_raw_fd();
        for value in [
            "",
            "prefork",
            "prefork 3",
            "prefork x=y",
            "prefork 1000000=1",
            &format!("prefork {descriptor}=1"),
        ] {
            assert!(from_predecessor(value).unwrap().is_none(), "{value:?}");
        }
    }
}
