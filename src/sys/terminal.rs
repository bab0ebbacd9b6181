//! The terminal that a server was started from (`tty(4)`), and what the server keeps of it.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::OnceLock;

use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout};

/// Whether this process has a controlling terminal.
pub(super) fn is_there() -> bool {
    // A serial line without a carrier would hold up the opening.
    open("/dev/tty", OpenOptions::new().read(true), libc::O_NONBLOCK).is_ok()
}

/// Whether it had one when this was first asked. A server that has none gets none: it opens no
/// terminal without O_NOCTTY.
pub(super) fn was_there() -> bool {
    static WAS_THERE: OnceLock<bool> = OnceLock::new();
    *WAS_THERE.get_or_init(is_there)
}

/// From now on this process, its children and its successors cannot read what is typed at the
/// terminal. A shell opens a terminal for reading and writing and gives it to a program as all
/// three standard streams. Where job control does not stop it, a client that has taken over a
/// worker could read passwords that are typed for other programs.
///
/// The terminal stays the controlling one, so that Ctrl-C reaches the server. A stream that cannot
/// be opened anew, since the terminal is another user's, stays as it is.
pub fn withhold_keyboard() {
    if io::stdin().is_terminal()
        && let Ok(nothing) = open("/dev/null", OpenOptions::new().read(true), 0)
    {
        let _ = dup2_stdin(nothing);
    }
    if io::stdout().is_terminal()
        && let Ok(output) = open("/proc/self/fd/1", OpenOptions::new().write(true), 0)
    {
        let _ = dup2_stdout(output);
    }
    if io::stderr().is_terminal()
        && let Ok(output) = open("/proc/self/fd/2", OpenOptions::new().write(true), 0)
    {
        let _ = dup2_stderr(output);
    }
}

fn open(path: &str, options: &mut OpenOptions, flags: libc::c_int) -> io::Result<File> {
    options.custom_flags(flags | libc::O_NOCTTY).open(path)
}
