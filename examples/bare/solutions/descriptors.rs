//! A loop that has no descriptor left stops asking for new clients until a client leaves.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::libc::EMFILE;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    serve_all(&listen()?, EpollFlags::EPOLLIN)
}

pub(crate) fn serve_all(listener: &TcpListener, entry: EpollFlags) -> io::Result<()> {
    let list = Epoll::new(EpollCreateFlags::empty())?;
    let enter = |fd: BorrowedFd<'_>, flags| {
        let number = fd.as_raw_fd() as u64;
        list.add(fd, EpollEvent::new(flags, number))
    };
    enter(listener.as_fd(), entry)?;
    let mut is_full = false;
    let mut clients = HashMap::new();
    let mut ready = [EpollEvent::empty(); 64];
    loop {
        let count = list.wait(&mut ready, None::<u8>)?;
        for event in &ready[..count] {
            if let Some(client) = clients.remove(&event.data()) {
                serve(client);
                // This client's descriptor is free now.
                if is_full {
                    enter(listener.as_fd(), entry)?;
                    is_full = false;
                }
                continue;
            }
            match listener.accept() {
                Ok((client, _)) => {
                    enter(client.as_fd(), EpollFlags::EPOLLIN)?;
                    clients.insert(client.as_raw_fd() as u64, client);
                }
                Err(error) if error.raw_os_error() == Some(EMFILE) => {
                    list.delete(listener)?;
                    is_full = true;
                }
                Err(_) => {}
            }
        }
    }
}
// ANCHOR_END: run
