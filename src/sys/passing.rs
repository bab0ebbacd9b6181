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

/// A byte, and perhaps a descriptor with it.
pub struct Message {
    /// Its meaning is agreed between sender and receiver.
    pub byte: u8,
    /// Open in this process now, close-on-exec.
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

/// Sends a byte, and with it a descriptor: the receiver gets a descriptor of the same open socket.
/// While the message lies in the channel, the kernel keeps the socket open, even if the sender
/// dies. Never blocks.
///
/// # Errors
/// EAGAIN if the channel is full, ETOOMANYREFS if too many descriptors are under way, EPIPE if
/// no process holds the other end.
pub fn send(channel: &impl AsFd, byte: u8, descriptor: Option<BorrowedFd<'_>>) -> nix::Result<()> {
    // ANCHOR: send
    let numbers = descriptor.iter().map(AsRawFd::as_raw_fd);
    let numbers: Vec<RawFd> = numbers.collect();
    let rights = [ControlMessage::ScmRights(&numbers)];
    // Even an empty list would be a message about descriptors.
    let rights = &rights[..usize::from(descriptor.is_some())];
    let byte = [byte];
    let flags = MsgFlags::MSG_NOSIGNAL | MsgFlags::MSG_DONTWAIT;
    let channel = channel.as_fd().as_raw_fd();
    let data = [IoSlice::new(&byte)];
    let send = || socket::sendmsg::<()>(channel, &data, rights, flags, None);
    uninterrupted(send).map(drop)
    // ANCHOR_END: send
}

/// The next message, or `None` when no process holds the other end any more. Waits for a tick at
/// most.
///
/// If this process has too many open files, the descriptor is lost (MSG_CTRUNC) and the message
/// comes without it.
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

/// The byte of the next message, without waiting. Descriptors that come with it are closed by the
/// kernel: a sender that is not trusted could fill the table of this process with them.
///
/// # Errors
/// EAGAIN if there is no message.
pub fn receive_byte_now(channel: &impl AsFd) -> nix::Result<Option<u8>> {
    let mut byte = [0];
    let channel = channel.as_fd().as_raw_fd();
    // Without room for a list of descriptors the kernel makes none (`unix(7)`).
    let length = uninterrupted(|| socket::recv(channel, &mut byte, MsgFlags::MSG_DONTWAIT))?;
    Ok((length > 0).then_some(byte[0]))
}

/// Repeats a call that a signal has interrupted. One that does not wait should never be.
fn uninterrupted<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

fn receive_with(channel: &impl AsFd, flags: MsgFlags) -> nix::Result<Option<Message>> {
    let mut byte = [0];
    let mut data = [IoSliceMut::new(&mut byte)];
    let mut space = cmsg_space!(RawFd);
    let flags = flags | MsgFlags::MSG_CMSG_CLOEXEC;
    let channel = channel.as_fd().as_raw_fd();
    let message = socket::recvmsg::<()>(channel, &mut data, Some(&mut space), flags)?;
    let length = message.bytes;
    // nix reports a list that does not fit as an error. There is room for one descriptor.
    let rights = message.cmsgs().ok().into_iter().flatten().next();
    let descriptor = match rights {
        Some(ControlMessageOwned::ScmRights(rights)) => rights.first().copied(),
        _ => None,
    };
    // SAFETY: recvmsg has just made this descriptor for us, so it is open and has no other owner.
    let descriptor = descriptor.map(|number| unsafe { OwnedFd::from_raw_fd(number) });
    Ok((length > 0).then_some(Message {
        byte: byte[0],
        descriptor,
    }))
}

/// Whether `error` only says that no message has come yet.
pub fn is_tick(error: Errno) -> bool {
    matches!(error, Errno::EAGAIN | Errno::EINTR)
}
