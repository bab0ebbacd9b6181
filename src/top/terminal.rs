//! The terminal: taken over, drawn on, and restored however the program ends.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::style::Print;
use crossterm::terminal::{
    self, BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{execute, queue};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::unistd::read;

use super::keys::{Key, Keys};
use super::polling::{When, watch};
use super::report_source::ReportSource;
use super::screen::Sort;
use super::view::{Look, Update, View};

/// How the view is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether colours may be used.
    pub colour: bool,
    /// The order of the workers at the start.
    pub sort: Sort,
}

/// The longest wait for keys. It delays signals and new reports by as much, and after it an Escape
/// can no longer be the beginning of a sequence.
const KEY_WAIT: Duration = Duration::from_millis(100);

/// Draws until a key or a signal ends the view.
pub(super) fn run(
    sources: Vec<ReportSource>,
    mut view: impl View,
    style: Style,
    began: Instant,
    when: When,
) -> io::Result<()> {
    let signals = take_signals()?;
    let updates = watch(sources, began, when);
    let mut terminal = Terminal::take_over()?;
    show(&mut terminal, &mut view, style, &updates, &signals)
}

fn show(
    terminal: &mut Terminal,
    view: &mut impl View,
    style: Style,
    updates: &Receiver<Update>,
    signals: &Signals,
) -> io::Result<()> {
    let mut keys = Keys::default();
    while !signals.end.load(Relaxed) {
        if signals.pause.swap(false, Relaxed) {
            restore();
            // This returns when the process gets SIGCONT.
            raise(Signal::SIGSTOP)?;
            signals.resume.store(true, Relaxed);
        }
        // The shell, or another program, has changed the state of the terminal meanwhile.
        if signals.resume.swap(false, Relaxed) {
            restore();
            *terminal = Terminal::take_over()?;
        }
        updates.try_iter().for_each(|update| view.update(update));
        terminal.draw(view, style)?;
        let Some(pressed) = wait_for_keys(&mut keys)? else {
            break;
        };
        if !pressed.into_iter().all(|key| view.press(key)) {
            break;
        }
    }
    Ok(())
}

/// The keys that were pressed until the time-out, or `None` once the terminal has been closed.
fn wait_for_keys(keys: &mut Keys) -> io::Result<Option<Vec<Key>>> {
    let input = io::stdin();
    let mut watched = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(KEY_WAIT).unwrap_or(PollTimeout::ZERO);
    match poll(&mut watched, timeout) {
        Ok(0) => return Ok(Some(keys.time_out().into_iter().collect())),
        // A signal, such as SIGWINCH for a change of the size. The next drawing adapts to that.
        Err(Errno::EINTR) => return Ok(Some(Vec::new())),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    if watched[0].revents().is_some_and(|it| it.intersects(gone)) {
        return Ok(None);
    }
    let mut bytes = [0; 256];
    match read(&input, &mut bytes) {
        Ok(0) | Err(Errno::EIO) => Ok(None),
        Ok(count) => Ok(Some(keys.take(&bytes[..count]))),
        Err(Errno::EINTR | Errno::EAGAIN) => Ok(Some(Vec::new())),
        Err(error) => Err(error.into()),
    }
}

/// The terminal while it shows the view. Dropping this restores the terminal.
struct Terminal {
    /// The lines as they were written last. Only lines that differ are written again.
    shown: Vec<String>,
    size: (u16, u16),
}

impl Terminal {
    /// Turns off echo and line editing, and changes to the alternate screen.
    fn take_over() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        // The message of a panic must go to the usual screen.
        HOOK.call_once(|| {
            let print = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                restore();
                print(panic);
            }));
        });
        terminal::enable_raw_mode()?;
        let terminal = Self {
            shown: Vec::new(),
            size: (0, 0),
        };
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(terminal)
    }

    fn draw(&mut self, view: &mut impl View, style: Style) -> io::Result<()> {
        let mut output = io::stdout().lock();
        queue!(output, BeginSynchronizedUpdate)?;
        let size = terminal::size()?;
        if size != self.size {
            self.size = size;
            self.shown.clear();
            queue!(output, Clear(ClearType::All))?;
        }
        let (width, height) = size;
        let look = Look {
            width,
            height,
            colour: style.colour,
            interactive: true,
        };
        let lines = view.lines(look).into_iter().take(height.into());
        let lines: Vec<String> = lines.map(|it| it.escaped(width.into())).collect();
        self.shown.resize(lines.len(), String::new());
        for (row, (line, shown)) in (0..).zip(lines.iter().zip(&self.shown)) {
            if line != shown {
                let clear = Clear(ClearType::CurrentLine);
                queue!(output, MoveTo(0, row), clear, Print(line))?;
            }
        }
        self.shown = lines;
        queue!(output, EndSynchronizedUpdate)?;
        output.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Returns to the usual screen, with echo and a cursor. Errors are ignored: the terminal may have
/// been closed.
fn restore() {
    let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
    let _ = terminal::disable_raw_mode();
}

/// What signals have asked for; the drawing loop looks at these flags.
#[derive(Default)]
struct Signals {
    end: AtomicBool,
    pause: AtomicBool,
    resume: AtomicBool,
}

/// Starts a thread that takes the signals which end or stop the process: the terminal has to be
/// restored first. They are blocked before any other thread exists, and threads inherit that, so
/// only the waiting thread takes them.
fn take_signals() -> io::Result<Arc<Signals>> {
    let blocked = SigSet::from_iter([
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGTSTP,
        Signal::SIGCONT,
    ]);
    blocked.thread_block()?;
    let signals = Arc::new(Signals::default());
    let taken = Arc::clone(&signals);
    thread::spawn(move || {
        while let Ok(signal) = blocked.wait() {
            let flag = match signal {
                Signal::SIGTSTP => &taken.pause,
                Signal::SIGCONT => &taken.resume,
                _ => &taken.end,
            };
            flag.store(true, Relaxed);
        }
    });
    Ok(signals)
}
