//! The terminal: taken over, drawn on, and given back whatever happens.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver};
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

use super::frame::{self, Look};
use super::keys::{Key, Keys};
use super::report_source::{ReportError, ReportSource};
use super::screen::{Screen, Sort};
use crate::status::Report;

/// How the view is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Whether colours may be used.
    pub colour: bool,
    /// The order of the workers at first.
    pub sort: Sort,
}

/// How long a signal or a new report may wait, and for how long an Escape may be the beginning of
/// another key.
const TIMEOUT: Duration = Duration::from_millis(100);

/// What the thread that looks has to say: a report and its time in seconds, or why there is none.
type News = Result<(f64, Report), ReportError>;

/// Draws until a key or a signal says that it is enough.
pub(super) fn run(
    source: ReportSource,
    screen: Screen,
    style: Style,
    began: Instant,
) -> io::Result<()> {
    let signals = take_signals()?;
    let news = look_on(source, began);
    let mut terminal = Terminal::take_over()?;
    show(&mut terminal, screen, style, &news, &signals)
}

fn show(
    terminal: &mut Terminal,
    mut screen: Screen,
    style: Style,
    news: &Receiver<News>,
    signals: &Signals,
) -> io::Result<()> {
    let mut keys = Keys::default();
    while !signals.end.load(Relaxed) {
        if signals.pause.swap(false, Relaxed) {
            give_back();
            // This returns after a SIGCONT.
            raise(Signal::SIGSTOP)?;
            signals.go_on.store(true, Relaxed);
        }
        // The shell had the terminal meanwhile, and has left it in another state.
        if signals.go_on.swap(false, Relaxed) {
            give_back();
            *terminal = Terminal::take_over()?;
        }
        for piece in news.try_iter() {
            match piece {
                Ok((at, report)) => screen.take(report, at),
                Err(error) => screen.trouble = Some(error.to_string()),
            }
        }
        terminal.draw(&mut screen, style)?;
        let Some(pressed) = wait_for_keys(&mut keys)? else {
            break;
        };
        if !pressed.into_iter().all(|key| screen.press(key)) {
            break;
        }
    }
    Ok(())
}

/// The keys that were pressed until the time-out, or `None` once there is no terminal any more.
fn wait_for_keys(keys: &mut Keys) -> io::Result<Option<Vec<Key>>> {
    let input = io::stdin();
    let mut watched = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(TIMEOUT).unwrap_or(PollTimeout::ZERO);
    match poll(&mut watched, timeout) {
        Ok(0) => return Ok(Some(keys.time_out().into_iter().collect())),
        // A change of the size, for example: the next drawing sees to that.
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

/// The terminal while it shows the view. When this goes, the terminal is as it was before.
struct Terminal {
    /// The lines as they were written last. Only lines that differ are written again.
    shown: Vec<String>,
    size: (u16, u16),
}

impl Terminal {
    /// Turns off echo and line editing, and changes to the alternate screen.
    fn take_over() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        // The message of a panic is for the usual screen.
        HOOK.call_once(|| {
            let print = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
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

    fn draw(&mut self, screen: &mut Screen, style: Style) -> io::Result<()> {
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
        let lines = frame::lines(screen, look).into_iter().take(height.into());
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
        give_back();
    }
}

/// The usual screen, with echo and a cursor. A terminal that has gone takes nothing back.
fn give_back() {
    let _ = execute!(io::stdout(), Show, LeaveAlternateScreen);
    let _ = terminal::disable_raw_mode();
}

/// Looks at the server again and again on a thread of its own: one that does not answer must not
/// keep the keys from working.
fn look_on(mut source: ReportSource, began: Instant) -> Receiver<News> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        loop {
            thread::sleep(source.interval());
            let seen = source.look();
            let is_over = matches!(seen, Err(ReportError::Ended));
            let news = seen.map(|report| (began.elapsed().as_secs_f64(), report));
            if sender.send(news).is_err() || is_over {
                return;
            }
        }
    });
    receiver
}

/// What signals have asked for.
#[derive(Default)]
struct Signals {
    end: AtomicBool,
    pause: AtomicBool,
    go_on: AtomicBool,
}

/// A signal that would end or stop the process must leave time to give the terminal back. They are
/// blocked here, before there are other threads to inherit it, so that only the waiting thread
/// takes them.
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
                Signal::SIGCONT => &taken.go_on,
                _ => &taken.end,
            };
            flag.store(true, Relaxed);
        }
    });
    Ok(signals)
}
