//! The terminal: taken over, drawn on, and given back whatever happens.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, raise};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::text::Text;

use super::frame::{self, Look};
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

/// How long a signal or a new report may wait.
const PATIENCE: Duration = Duration::from_millis(100);

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
    // From here on a panic gives the terminal back as well: this sets a hook.
    let mut terminal = ratatui::try_init()?;
    let result = show(&mut terminal, screen, style, &news, &signals);
    ratatui::restore();
    result
}

fn show(
    terminal: &mut DefaultTerminal,
    mut screen: Screen,
    style: Style,
    news: &Receiver<News>,
    signals: &Signals,
) -> io::Result<()> {
    while !signals.end.load(Relaxed) {
        if signals.pause.swap(false, Relaxed) {
            ratatui::restore();
            // This returns when somebody has sent SIGCONT.
            raise(Signal::SIGSTOP)?;
            signals.go_on.store(true, Relaxed);
        }
        // Whoever had the terminal meanwhile has left it in another state.
        if signals.go_on.swap(false, Relaxed) {
            ratatui::restore();
            *terminal = ratatui::try_init()?;
        }
        for piece in news.try_iter() {
            match piece {
                Ok((at, report)) => screen.take(report, at),
                Err(error) => screen.trouble = Some(error.to_string()),
            }
        }
        terminal.draw(|canvas| draw(canvas, &mut screen, style))?;
        match wait_for_input()? {
            Input::None => {}
            Input::Some if !press_all(&mut screen)? => break,
            Input::Some => {}
            Input::Gone => break,
        }
    }
    Ok(())
}

/// What has come of waiting for a key.
enum Input {
    None,
    Some,
    /// There is no terminal any more.
    Gone,
}

/// Waits for a key or a change of the size, which is an event too. The terminal is looked at first:
/// once it has gone, the library that reads the keys would read its end for ever.
fn wait_for_input() -> io::Result<Input> {
    let keys = io::stdin();
    if !keys.is_terminal() {
        // Then the library reads them from elsewhere.
        let some = event::poll(PATIENCE)?;
        return Ok(if some { Input::Some } else { Input::None });
    }
    let mut watched = [PollFd::new(keys.as_fd(), PollFlags::POLLIN)];
    let patience = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::ZERO);
    match poll(&mut watched, patience) {
        // Nobody has pressed anything, or the size has changed: the next drawing sees to that.
        Ok(0) | Err(Errno::EINTR) => return Ok(Input::None),
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    let has_gone = watched[0].revents().is_some_and(|it| it.intersects(gone));
    Ok(if has_gone { Input::Gone } else { Input::Some })
}

/// Obeys every key that has been pressed; false if one of them means the end.
fn press_all(screen: &mut Screen) -> io::Result<bool> {
    while event::poll(Duration::ZERO)? {
        if let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
            && !screen.press(key)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn draw(canvas: &mut ratatui::Frame<'_>, screen: &mut Screen, style: Style) {
    let area = canvas.area();
    let look = Look {
        width: area.width,
        height: area.height,
        colour: style.colour,
        interactive: true,
    };
    canvas.render_widget(Text::from(frame::lines(screen, look)), area);
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
