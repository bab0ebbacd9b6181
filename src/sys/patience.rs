//! Writes that do not wait for ever: a pipe or a terminal may have a reader that does not read.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{MsgFlags, send};
use nix::sys::stat::{SFlag, fstat};

use super::poll::poll_timeout;

/// Writes all of `bytes`, and waits for a reader no longer than `time`.
///
/// O_NONBLOCK belongs to the opening, which other programs may share. So a pipe or a terminal is
/// opened anew. Where that fails, and for a file, the write is an ordinary one.
///
/// # Errors
/// `TimedOut`: no process reads. A part of the bytes may have been written.
pub fn write_within(output: &impl AsFd, bytes: &[u8], time: Duration) -> io::Result<()> {
    let end = Instant::now() + time;
    let file_type = SFlag::from_bits_truncate(fstat(output)?.st_mode) & SFlag::S_IFMT;
    let descriptor = output.as_fd().as_raw_fd();
    if file_type == SFlag::S_IFSOCK {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        return until(end, output, bytes, |rest| {
            Ok(send(descriptor, rest, flags)?)
        });
    }
    if file_type == SFlag::S_IFIFO || file_type == SFlag::S_IFCHR {
        let mut options = OpenOptions::new();
        let options = options
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        if let Ok(mut own) = options.open(format!("/proc/self/fd/{descriptor}")) {
            let watched = own.try_clone()?;
            return until(end, &watched, bytes, |rest| own.write(rest));
        }
    }
    until(end, output, bytes, |rest| {
        Ok(nix::unistd::write(output, rest)?)
    })
}

/// Calls `write` for what is left, and waits for room in between.
fn until(
    end: Instant,
    output: &impl AsFd,
    mut bytes: &[u8],
    mut write: impl FnMut(&[u8]) -> io::Result<usize>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match write(bytes) {
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(ErrorKind::TimedOut.into());
                }
                let mut room = [PollFd::new(output.as_fd(), PollFlags::POLLOUT)];
                match poll(&mut room, poll_timeout(left)) {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::thread;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_full_pipe_is_waited_for_and_then_given_up() {
        let (mut reader, writer) = io::pipe().unwrap();
        let megabyte = vec![b'.'; 1 << 20];
        let given_up = write_within(&writer, &megabyte, SHORT).unwrap_err();
        assert_eq!(given_up.kind(), ErrorKind::TimedOut);
        // With a reader, the same bytes fit.
        let read = thread::spawn(move || {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map(|_| bytes)
        });
        write_within(&writer, b"the last", LONG).unwrap();
        drop(writer);
        assert!(read.join().unwrap().unwrap().ends_with(b".the last"));
    }

    #[test]
    fn a_full_socket_is_given_up() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let given_up = write_within(&ours, &vec![b'.'; 1 << 22], SHORT).unwrap_err();
        assert_eq!(given_up.kind(), ErrorKind::TimedOut);
    }

    #[test]
    fn a_pipe_without_a_reader_is_an_error() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let broken = write_within(&writer, b"a", LONG).unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
    }
}
