//! System calls that a sandbox refuses and that no library wraps, for its tests.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// Makes each call on a descriptor that it does not suit, so that it fails in any case: by another
/// error than EPERM where nothing refuses it.
pub fn calls(file: &impl AsFd) -> Vec<(&'static str, nix::Result<libc::c_long>)> {
    const X32_BIT: libc::c_long = 0x4000_0000;
    let descriptor = libc::c_long::from(file.as_fd().as_raw_fd());
    let nothing = std::ptr::null::<libc::c_void>();
    let call = |number: libc::c_long, second: libc::c_long| {
        // SAFETY: the calls take a descriptor, a number and a pointer, and check the pointer.
        Errno::result(unsafe { libc::syscall(number, descriptor, second, nothing) })
    };
    vec![
        (
            "TIOCSTI",
            call(libc::SYS_ioctl, libc::TIOCSTI as libc::c_long),
        ),
        (
            "TIOCLINUX",
            call(libc::SYS_ioctl, libc::TIOCLINUX as libc::c_long),
        ),
        (
            "SHUT_RD",
            call(libc::SYS_shutdown, libc::c_long::from(libc::SHUT_RD)),
        ),
        (
            "SHUT_RDWR",
            call(libc::SYS_shutdown, libc::c_long::from(libc::SHUT_RDWR)),
        ),
        ("listen", call(libc::SYS_listen, 1)),
        (
            "setsockopt",
            call(libc::SYS_setsockopt, libc::c_long::from(libc::SOL_SOCKET)),
        ),
        (
            "F_SETFL",
            call(libc::SYS_fcntl, libc::c_long::from(libc::F_SETFL)),
        ),
        (
            "F_SETOWN",
            call(libc::SYS_fcntl, libc::c_long::from(libc::F_SETOWN)),
        ),
        // No flags that the kernel would take: a process is made in no case.
        ("clone", {
            let flags = libc::c_long::from(libc::CLONE_SIGHAND);
            // SAFETY: the kernel refuses these flags without CLONE_VM.
            Errno::result(unsafe { libc::syscall(libc::SYS_clone, flags, nothing) })
        }),
        #[cfg(target_arch = "x86_64")]
        ("x32", call(libc::SYS_getpid | X32_BIT, 0)),
    ]
}
