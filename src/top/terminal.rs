//! The terminal: taken over, drawn on, and given back whatever happens.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::text::Text;

use super::Style;
use super::feed::{Feed, FeedError};
use super::frame::{self, Look};
use super::screen::Screen;
use crate::status::Report;

/// How long a signal or a new report may wait.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the thread that looks has to say: a report and its time in seconds, or why there is none.
type News = Result<(f64, Report), FeedError>;

/// Draws until a key or a signal says that it is enough.
pub(super) fn run(feed: Feed, screen: Screen, style: Style, began: Instant) -> io::Result<()> {
    let stop = stop_on_signals()?;
    let news = look_on(feed, began);
    // From here on a panic gives the terminal back as well: this sets a hook.
    let mut terminal = ratatui::try_init()?;
    let result = show(&mut terminal, screen, style, &news, &stop);
    ratatui::restore();
    result
}

fn show(
    terminal: &mut DefaultTerminal,
    mut screen: Screen,
    style: Style,
    news: &Receiver<News>,
    stop: &AtomicBool,
) -> io::Result<()> {
    while !stop.load(Relaxed) {
        for piece in news.try_iter() {
            match piece {
                Ok((at, report)) => screen.take(report, at),
                Err(error) => screen.trouble = Some(error.to_string()),
            }
        }
        terminal.draw(|canvas| draw(canvas, &mut screen, style))?;
        // A change of the size is an event too, and ends the waiting.
        if event::poll(PATIENCE)?
            && let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
            && !screen.press(key)
        {
            break;
        }
    }
    Ok(())
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
fn look_on(mut feed: Feed, began: Instant) -> Receiver<News> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        loop {
            thread::sleep(feed.interval());
            let seen = feed.look();
            let is_over = matches!(seen, Err(FeedError::Ended));
            let news = seen.map(|report| (began.elapsed().as_secs_f64(), report));
            if sender.send(news).is_err() || is_over {
                return;
            }
        }
    });
    receiver
}

/// A signal that would end the process must leave time to give the terminal back. They are blocked
/// here, before there are other threads to inherit it, so that only the waiting thread takes them.
fn stop_on_signals() -> io::Result<Arc<AtomicBool>> {
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    signals.thread_block()?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    thread::spawn(move || {
        while signals.wait().is_ok() {
            flag.store(true, Relaxed);
        }
    });
    Ok(stop)
}
