//! A client that resets its connection is closed like any other.

use std::io;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;
use io_uring::{IoUring, opcode};

use crate::common::{ANSWER, listen};

// ANCHOR: run
const ACCEPTED: u64 = 1;

pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    let listener = Fd(listener.as_raw_fd());
    let mut request = [0_u8; 4096];
    let mut ring = IoUring::new(64)?;
    let (address, size) = (null_mut(), null_mut()); // not asked for
    let accept = opcode::Accept::new(listener, address, size).build();
    submit(&mut ring, accept.clone().user_data(ACCEPTED))?;
    loop {
        ring.submit_and_wait(1)?;
        let done: Vec<_> = ring.completion().collect();
        for done in done.iter().filter(|it| it.user_data() == ACCEPTED) {
            let client = Fd(done.result());
            let into = request.as_mut_ptr();
            let receive = opcode::Recv::new(client, into, 4096).build();
            let size = ANSWER.len() as u32;
            let send = opcode::Send::new(client, ANSWER.as_ptr(), size).build();
            // Each of a chain begins when the one before it has been done, or has failed.
            submit(&mut ring, receive.flags(Flags::IO_HARDLINK))?;
            submit(&mut ring, send.flags(Flags::IO_HARDLINK))?;
            submit(&mut ring, opcode::Close::new(client).build())?;
            submit(&mut ring, accept.clone().user_data(ACCEPTED))?;
        }
    }
}

fn submit(ring: &mut IoUring, entry: Entry) -> io::Result<()> {
    // SAFETY: `request`, which is never read, and ANSWER outlive the ring.
    while unsafe { ring.submission().push(&entry) }.is_err() {
        ring.submit()?; // the queue is full
    }
    Ok(())
}
// ANCHOR_END: run
