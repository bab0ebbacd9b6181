//! Several listeners on one port: SO_REUSEPORT (`socket(7)`), and who of them gets a connection.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;

use libc::{
    BPF_A, BPF_ABS, BPF_ADD, BPF_ALU, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_MOD, BPF_RET, BPF_W,
    SKF_AD_OFF, SKF_AD_RANDOM, sock_filter,
};
use nix::sys::socket::{setsockopt, sockopt};

use super::net;

/// Another socket that listens where `first` does, with an accept queue of its own, as long.
///
/// All sockets of such a group must belong to one user, which keeps others from stealing
/// connections. The first had its port to itself until now, so that a second server on the same
/// port is an error as it is everywhere else, and not a silent partner.
///
/// # Errors
/// No descriptors or no memory.
pub fn listen_beside(first: &TcpListener) -> io::Result<TcpListener> {
    setsockopt(first, sockopt::ReusePort, &true)?;
    let room = net::accept_queue_limit(first)?;
    let room = i32::try_from(room).unwrap_or(i32::MAX);
    Ok(net::listen_sharing(first.local_addr()?, room)?)
}

/// From now on new connections go to the sockets of the group whose numbers are below `sockets`
/// and not in `passed_over` (ascending), to each with the same chance. A socket's number is its
/// place in the order in which they began to listen, as long as none has been closed: the kernel
/// fills the hole with the last of them.
///
/// The choice is made by a program of classic BPF, which the kernel runs once for each connection
/// (SO_ATTACH_REUSEPORT_CBPF, `socket(7)`): draw lots among those who are left, then step over
/// those who are passed over.
///
/// # Errors
/// EINVAL if nobody is left, or if the program would have more than 4096 instructions.
pub fn deal(listener: &impl AsFd, sockets: u32, passed_over: &[u32]) -> nix::Result<()> {
    // ANCHOR: deal
    let left = sockets.saturating_sub(passed_over.len() as u32);
    let random = (SKF_AD_OFF + SKF_AD_RANDOM).cast_unsigned();
    let mut program = vec![
        instruction(BPF_LD | BPF_W | BPF_ABS, random),
        instruction(BPF_ALU | BPF_MOD | BPF_K, left),
    ];
    for &number in passed_over {
        // If the lot is below, the next instruction is skipped.
        let mut compare = instruction(BPF_JMP | BPF_JGE | BPF_K, number);
        compare.jf = 1;
        program.push(compare);
        program.push(instruction(BPF_ALU | BPF_ADD | BPF_K, 1));
    }
    program.push(instruction(BPF_RET | BPF_A, 0));
    // ANCHOR_END: deal
    attach(listener, &mut program)
}

fn instruction(code: u32, k: u32) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k,
    }
}

fn attach(listener: &impl AsFd, program: &mut [sock_filter]) -> nix::Result<()> {
    let length = u16::try_from(program.len()).map_err(|_| nix::errno::Errno::EINVAL)?;
    let program = libc::sock_fprog {
        len: length,
        filter: program.as_mut_ptr(),
    };
    setsockopt(listener, sockopt::AttachReusePortCbpf, &program)
}
