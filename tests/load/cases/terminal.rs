//! What a person sees on a terminal, with the widths at which it was once torn.

use super::*;

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;

use nix::pty::{Winsize, openpty};

/// What the program writes to a terminal of this width, and its process.
struct Terminal {
    master: File,
    child: Child,
    written: Vec<u8>,
}

impl Terminal {
    fn start(mut command: Command, columns: u16) -> Self {
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pair = openpty(Some(&size), None).unwrap();
        let side = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
        command.stdin(Stdio::null());
        command.stdout(side(&pair.slave)).stderr(side(&pair.slave));
        let child = command.spawn().unwrap();
        // The command holds copies of the slave, without which a read tells of the end.
        drop((command, pair.slave));
        Self {
            master: File::from(pair.master),
            child,
            written: Vec::new(),
        }
    }

    /// Reads until this has been written, or to the end.
    fn read_until(&mut self, words: Option<&str>) {
        let deadline = Instant::now() + DEADLINE;
        let mut buffer = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&self.written);
            if words.is_some_and(|words| text.contains(words)) {
                return;
            }
            assert!(Instant::now() < deadline, "{words:?} not in {text}");
            match self.master.read(&mut buffer) {
                // EIO is how a terminal tells that the other side has gone.
                Ok(0) | Err(_) => break,
                Ok(count) => self.written.extend_from_slice(&buffer[..count]),
            }
        }
        assert!(words.is_none(), "the end came before {words:?}");
    }

    /// The lines that are visible at the end.
    fn screen(mut self) -> Vec<String> {
        self.read_until(None);
        assert!(self.child.wait().unwrap().code().is_some());
        visible(&String::from_utf8(self.written).unwrap())
    }
}

/// The lines that a terminal shows after this text: it knows CR, LF, cursor up and erase below,
/// which is all that is written.
fn visible(text: &str) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\r' => column = 0,
            '\n' => row += 1,
            '\x1b' => {
                assert_eq!(rest.next(), Some('['), "{text:?}");
                let sequence: String = rest.by_ref().take_while(|it| !it.is_alphabetic()).collect();
                // `take_while` has taken the letter: A with a number, J without one.
                match sequence.parse::<usize>() {
                    Ok(up) => row -= up,
                    Err(_) => {
                        lines.truncate(row + 1);
                        lines[row].truncate(column);
                    }
                }
            }
            letter => {
                lines[row].resize(column, ' ');
                lines[row].push(letter);
                column += 1;
            }
        }
        if lines.len() <= row {
            lines.resize(row + 1, Vec::new());
        }
    }
    lines.iter().map(|line| line.iter().collect()).collect()
}

#[test]
fn tables_and_the_live_view_fit_the_terminal() {
    let server = Server::answering(OK);
    let url = server.url();
    for columns in [40, 80] {
        for mode in [&["-c", "3"][..], &["-c", "3", "--rate", "200"]] {
            let given = [&[url.as_str(), "-d", "1500ms"][..], mode].concat();
            let lines = Terminal::start(load(&given), columns).screen();
            assert!(lines.iter().any(|line| line.contains("p99")), "{lines:?}");
            for line in &lines {
                assert!(line.chars().count() <= columns.into(), "{columns}: {line}");
            }
        }
    }
}

#[test]
fn ctrl_c_leaves_nothing_of_the_live_view() {
    let server = Server::answering(OK);
    let mut terminal = Terminal::start(load(&[&server.url(), "-d", "1h", "-c", "2"]), 80);
    // The worst second is drawn as a full block, whatever the others are.
    terminal.read_until(Some("█"));
    kill(Pid::from_raw(terminal.child.id() as i32), Signal::SIGINT).unwrap();
    let lines = terminal.screen();
    assert_eq!(lines[0], server.url(), "{lines:#?}");
    assert!(lines[1].contains("(interrupted)"), "{lines:#?}");
    assert!(
        !lines.iter().any(|line| line.contains("of 3,600")),
        "{lines:#?}"
    );
}
