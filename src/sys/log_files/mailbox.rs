//! A mailbox: descriptors that the main process leaves for all its children.
//!
//! It is a pair of sockets with one message in it. A child reads the message with MSG_PEEK, which
//! gives it the descriptors and leaves the message for the next one.

use std::io::IoSliceMut;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::Ordering::{Acquire, Release};

use nix::cmsg_space;
use nix::sys::socket::{self, AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType};

use crate::sys::private::Private;
use crate::sys::shared::SharedWords;

/// A message holds no more. Its control data fit into the room that `send` has for them.
const DESCRIPTORS_MAX: usize = 8;

/// Both ends, which all processes inherit.
pub(super) struct Mailbox {
    /// Children close this end: they cannot leave messages for each other.
    post: OwnedFd,
    _private: Private,
    slot: OwnedFd,
    /// One word, which counts the deliveries.
    changes: SharedWords,
}

impl Mailbox {
    pub(super) fn open() -> nix::Result<Self> {
        let (post, slot) = socket::socketpair(
            AddressFamily::Unix,
            SockType::SeqPacket,
            None,
            SockFlag::SOCK_CLOEXEC,
        )?;
        Ok(Self {
            _private: Private::note(&post),
            post,
            slot,
            changes: SharedWords::create(c"servers-log-files", 1)?,
        })
    }

    /// How many deliveries there were.
    pub(super) fn changes(&self) -> u64 {
        self.changes[0].load(Acquire)
    }

    /// Leaves descriptors, in place of older ones, and returns the number of this delivery. May be
    /// called in a signal handler.
    pub(super) fn deliver(&self, descriptors: &[RawFd]) -> u64 {
        discard(self.slot.as_raw_fd());
        send(self.post.as_raw_fd(), descriptors);
        self.changes[0].fetch_add(1, Release) + 1
    }

    /// The descriptors of the message, which stays for the other processes.
    pub(super) fn peek(&self) -> Vec<OwnedFd> {
        let mut byte = [0];
        let mut data = [IoSliceMut::new(&mut byte)];
        let mut space = cmsg_space!([RawFd; DESCRIPTORS_MAX]);
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
        let message =
            socket::recvmsg::<()>(self.slot.as_raw_fd(), &mut data, Some(&mut space), flags);
        let Ok(message) = message else {
            return Vec::new();
        };
        let rights = message.cmsgs().ok().into_iter().flatten().next();
        let Some(ControlMessageOwned::ScmRights(rights)) = rights else {
            return Vec::new();
        };
        // SAFETY: recvmsg has just made these descriptors for us: they are open and have no other
        // owner.
        let own = |number| unsafe { OwnedFd::from_raw_fd(number) };
        rights.into_iter().map(own).collect()
    }
}

/// Takes the old message out. Read without its descriptors, the kernel closes them.
fn discard(slot: RawFd) {
    /// There is one, unless two signals came at once.
    const MESSAGES_MAX: usize = 8;
    let mut byte = 0u8;
    for _ in 0..MESSAGES_MAX {
        // SAFETY: the kernel writes one byte at most to `byte`, which lives for the whole call.
        let read = unsafe { libc::recv(slot, (&raw mut byte).cast(), 1, libc::MSG_DONTWAIT) };
        if read < 0 {
            return;
        }
    }
}

/// A message of one byte with descriptors (SCM_RIGHTS). That of nix would allocate.
fn send(post: RawFd, descriptors: &[RawFd]) {
    /// Aligned like the header of a control message.
    #[repr(align(8))]
    struct Room([u8; 64]);
    let mut room = Room([0; 64]);
    let mut byte = 0u8;
    let mut data = libc::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    let descriptors = &descriptors[..descriptors.len().min(DESCRIPTORS_MAX)];
    let length = size_of_val(descriptors) as libc::c_uint;
    // SAFETY: a msghdr of zeroes is a value. Its pointers are to values that live for the whole
    // call, and the room is larger than a header with DESCRIPTORS_MAX descriptors.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut data;
        message.msg_iovlen = 1;
        message.msg_control = room.0.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(length) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(length) as _;
        let start = libc::CMSG_DATA(header);
        std::ptr::copy_nonoverlapping(descriptors.as_ptr().cast(), start, length as usize);
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        libc::sendmsg(post, &raw const message, flags);
    }
}
