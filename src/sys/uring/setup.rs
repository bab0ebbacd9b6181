//! Setting up a ring with what the kernel offers.

use std::io;

use io_uring::{Builder, IoUring, Probe, opcode};

use super::buffers::Buffers;

/// Entries of the submission queue. If more are pushed between two waits, that costs one more
/// system call.
pub(super) const SUBMISSIONS: u32 = 1024;
/// Entries of the completion queue. The kernel keeps completions that do not fit.
const COMPLETIONS: u32 = 4096;

/// Whether a ring can be created here.
///
/// # Errors
/// As for [`super::Ring::create`].
pub fn check() -> io::Result<()> {
    let ring = set_up()?;
    Buffers::register(&ring).map(drop).map_err(explain)
}

/// A ring with the best settings that the kernel knows.
///
/// # Errors
/// There is no io_uring to be had; the message says what can be done.
pub(super) fn set_up() -> io::Result<IoUring> {
    let is_unknown = |error: &io::Error| error.raw_os_error() == Some(libc::EINVAL);
    let [best, lesser @ ..] = settings();
    let mut ring = best.build(SUBMISSIONS);
    for settings in lesser {
        if ring.as_ref().is_err_and(is_unknown) {
            ring = settings.build(SUBMISSIONS);
        }
    }
    ring.map_err(explain)
}

/// The settings to try, the best first. The better ones tell the kernel that one thread alone uses
/// the ring, and that it asks for completions by itself, so that it need not be interrupted.
pub(super) fn settings() -> [Builder; 4] {
    let mut plain = IoUring::builder();
    plain.setup_clamp().setup_cqsize(COMPLETIONS);
    plain.setup_submit_all(); // Linux 5.18
    let mut patient = plain.clone();
    patient.setup_coop_taskrun(); // 5.19
    let mut single = patient.clone();
    single.setup_single_issuer().setup_defer_taskrun(); // 6.1
    let mut direct = single.clone();
    direct.setup_no_sqarray(); // 6.6
    [direct, single, patient, plain]
}

/// Linux 6.0 introduced it without a flag that says so. The same version introduced an operation
/// that can be probed.
pub(super) fn has_multishot_receive(ring: &IoUring) -> bool {
    let mut probe = Probe::new();
    let probed = ring.submitter().register_probe(&mut probe);
    probed.is_ok() && probe.is_supported(opcode::SendZc::CODE)
}

/// Adds to the error what can be done about it.
pub(super) fn explain(error: io::Error) -> io::Error {
    let hint = match error.raw_os_error() {
        Some(libc::ENOSYS) => {
            "this kernel has no io_uring, or a sandbox hides it; Linux 5.19 or later is needed"
        }
        Some(libc::EPERM | libc::EACCES) => {
            "io_uring is forbidden here: see `sysctl kernel.io_uring_disabled` (0 allows it) \
             and, in a container, its seccomp profile"
        }
        Some(libc::EINVAL) => {
            "the io_uring of this kernel is too old; Linux 5.19 or later is needed"
        }
        Some(libc::ENOMEM) => "io_uring lacks memory: see `ulimit -l`",
        _ => "io_uring cannot be set up",
    };
    io::Error::new(error.kind(), format!("{hint} ({error})"))
}
