//! Passing descriptors from process to process: SCM_RIGHTS (`unix(7)`).

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{
    self, AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// An octet, and perhaps a descriptor with it.
pub struct Message {
    /// What it means is the callers' affair.
    pub octet: u8,
    /// A descriptor of this process now, close-on-exec.
    pub descriptor: Option<OwnedFd>,
}

/// The two ends of a channel that keeps messages apart (SOCK_SEQPACKET), close-on-exec. No
/// [`receive`] on either of them blocks longer than `tick`.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM.
pub fn pair(tick: Duration) -> nix::Result<(OwnedFd, OwnedFd)> {
    let (one, other) = socket::socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        SockFlag::SOCK_CLOEXEC,
    )?;
    let tick = TimeVal::milliseconds(tick.as_millis() as i64);
    socket::setsockopt(&one, sockopt::ReceiveTimeout, &tick)?;
    socket::setsockopt(&other, sockopt::ReceiveTimeout, &tick)?;
    Ok((one, other))
}

/// Sends an octet, and with it a descriptor: the receiver gets one of its own for the same open
/// socket. The kernel holds that for as long as the message lies in the channel, whatever becomes
/// of the sender. Never blocks.
///
/// # Errors
/// EAGAIN if the channel is full, ETOOMANYREFS if too many descriptors are under way, EPIPE if
/// nobody holds the other end.
pub fn send(channel: &impl AsFd, octet: u8, descriptor: Option<BorrowedFd<'_>>) -> nix::Result<()> {
    // ANCHOR: send
    let numbers = descriptor.iter().map(AsRawFd::as_raw_fd);
    let numbers: Vec<RawFd> = numbers.collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    // Even an empty list would be a message about descriptors.
    let rights = &rights[..usize::from(descriptor.is_some())];
    let octet = [octet];
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    let channel = channel.as_fd().as_raw_fd();
    let data = [IoSlice::new(&octet)];
    let send = || socket::sendmsg::<()>(channel, &data, rights, flags, None);
    uninterrupted(send).map(drop)
    // ANCHOR_END: send
}

/// The next message, or `None` when nobody holds the other end any more. It waits for one, though
/// no longer than the tick.
///
/// A descriptor for which this process has no room is lost (MSG_CTRUNC), and the message comes
/// without it.
///
/// # Errors
/// EAGAIN after the tick, EINTR.
pub fn receive(channel: &impl AsFd) -> nix::Result<Option<Message>> {
    receive_with(channel, MsgFlags::empty())
}

/// [`receive`] without waiting.
///
/// # Errors
/// EAGAIN if there is none.
pub fn receive_now(channel: &impl AsFd) -> nix::Result<Option<Message>> {
    uninterrupted(|| receive_with(channel, MsgFlags::MSG_DONTWAIT))
}

/// What does not wait cannot be interrupted; should it say so all the same, it is done again.
fn uninterrupted<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

fn receive_with(channel: &impl AsFd, flags: MsgFlags) -> nix::Result<Option<Message>> {
    let mut octet = [0];
    let mut data = [IoSliceMut::new(&mut octet)];
    let mut space = cmsg_space!(RawFd);
    let flags = flags | MsgFlags::MSG_CMSG_CLOEXEC;
    let channel = channel.as_fd().as_raw_fd();
    let message = socket::recvmsg::<()>(channel, &mut data, Some(&mut space), flags)?;
    let length = message.bytes;
    // A list that does not fit is an error of nix's: with room for one, there is at most one.
    let rights = message.cmsgs().ok().into_iter().flatten().next();
    let descriptor = match rights {
        Some(ControlMessageOwned::ScmRights(rights)) => rights.first().copied(),
        _ => None,
    };
    // SAFETY: recvmsg has just made this descriptor for us, so it is open and nobody else owns it.
    let descriptor = descriptor.map(|number| unsafe { OwnedFd::from_raw_fd(number) });
    Ok((length > 0).then_some(Message {
        octet: octet[0],
        descriptor,
    }))
}

/// Whether `error` says that there is nothing yet.
pub fn is_tick(error: Errno) -> bool {
    matches!(error, Errno::EAGAIN | Errno::EINTR)
}
