//! What `/proc` says about a server's processes: CPU times and sockets. If there is no `/proc`
//! (behind a chroot) or no permission to read in it, these values are unknown.

mod kept;
mod process;
mod sockets;

pub(super) use kept::Kept;
pub(super) use process::{Process, cpu_of_thread, exists, is_in_another_namespace};
pub(super) use sockets::{accept_queue, socket_inode};
