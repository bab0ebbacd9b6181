//! A loop that goes on after it has been suspended and resumed.

use std::collections::HashMap;
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
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
    let mut clients = HashMap::new();
    let mut ready = [EpollEvent::empty(); 64];
    loop {
        let count = match list.wait(&mut ready, None::<u8>) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        for event in &ready[..count] {
            if let Some(client) = clients.remove(&event.data()) {
                serve(client);
            } else if let Ok((client, _)) = listener.accept() {
                enter(client.as_fd(), EpollFlags::EPOLLIN)?;
                clients.insert(client.as_raw_fd() as u64, client);
            }
        }
    }
}
// ANCHOR_END: run
