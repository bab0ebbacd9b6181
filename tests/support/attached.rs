//! A process whose system calls the test chooses (`ptrace(2)`): what a client could do that has
//! taken a worker over, with the worker's descriptors, privileges and filter.

use std::ffi::c_void;
use std::thread;
use std::time::{Duration, Instant};

use libc::user_regs_struct;
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::DEADLINE;

/// No descriptor, no process, no address.
pub(crate) const NONE: u64 = u64::MAX;

/// The instruction `syscall`, of two bytes.
const SYSCALL: i64 = 0x050f;
const SYSCALL_BYTES: u64 = 2;
/// A function may use so much below the stack pointer (the red zone).
const RED_ZONE_BYTES: u64 = 128;
/// Room for what arguments point to.
const ROOM_BYTES: u64 = 256;

/// The process stands still until this is dropped, and then goes on with its own call.
pub(crate) struct Attached {
    pid: Pid,
    registers: user_regs_struct,
}

impl Attached {
    /// Stops the process in a system call that it waits in. `None` where the test may not trace it.
    #[track_caller]
    pub(crate) fn to(pid: i32) -> Option<Self> {
        let pid = Pid::from_raw(pid);
        let end = Instant::now() + DEADLINE;
        loop {
            match ptrace::attach(pid) {
                Ok(()) => {}
                Err(Errno::EPERM) => {
                    eprintln!("skipped: process {pid} may not be traced");
                    return None;
                }
                Err(error) => panic!("process {pid}: {error}"),
            }
            stop_of(pid);
            let registers = ptrace::getregs(pid).unwrap();
            let before = registers.rip - SYSCALL_BYTES;
            let word = ptrace::read(pid, before as *mut c_void).unwrap();
            if word & 0xffff == SYSCALL {
                return Some(Self { pid, registers });
            }
            ptrace::detach(pid, None).unwrap();
            assert!(Instant::now() < end, "process {pid} is in no call");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Makes the process call the system: the result, or an error number below 0.
    #[track_caller]
    pub(crate) fn call(&self, number: i64, arguments: [u64; 6]) -> i64 {
        let [rdi, rsi, rdx, r10, r8, r9] = arguments;
        let registers = user_regs_struct {
            rip: self.registers.rip - SYSCALL_BYTES,
            rax: number.cast_unsigned(),
            // In no call at the moment, so that the kernel restarts none.
            orig_rax: NONE,
            rdi,
            rsi,
            rdx,
            r10,
            r8,
            r9,
            ..self.registers
        };
        ptrace::setregs(self.pid, registers).unwrap();
        // Another signal may come before the step is done.
        loop {
            ptrace::step(self.pid, None).unwrap();
            if stop_of(self.pid) == Signal::SIGTRAP {
                break;
            }
        }
        ptrace::getregs(self.pid).unwrap().rax.cast_signed()
    }

    /// Writes words to the process's memory, below its stack: where they are.
    #[track_caller]
    pub(crate) fn put(&self, words: &[u64]) -> u64 {
        let room = (self.registers.rsp - RED_ZONE_BYTES - ROOM_BYTES) & !15;
        assert!(size_of_val(words) as u64 <= ROOM_BYTES);
        for (place, word) in (room..).step_by(8).zip(words) {
            ptrace::write(self.pid, place as *mut c_void, word.cast_signed()).unwrap();
        }
        room
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let _ = ptrace::setregs(self.pid, self.registers);
        if ptrace::detach(self.pid, None).is_err() {
            // It was killed, and its parent cannot reap it before its tracer has looked.
            let _ = waitpid(self.pid, Some(WaitPidFlag::__WALL));
        }
    }
}

/// Waits until the process stands still: by which signal.
#[track_caller]
fn stop_of(pid: Pid) -> Signal {
    match waitpid(pid, Some(WaitPidFlag::__WALL)).unwrap() {
        WaitStatus::Stopped(_, signal) => signal,
        other => panic!("the process did not stop: {other:?}"),
    }
}
