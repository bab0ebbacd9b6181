//! Drives a connection as a task of a runtime: the same steps as the blocking driver, but where
//! that one blocks, this one returns to the runtime, which goes on with other tasks.
//!
//! Where there the tick interrupts a blocking call, an alarm does here: when the deadline is over,
//! or when the server is to stop. Nearly every deadline is called off, since the next request comes
//! before it. So the timer is not set anew for each. It goes off when the *first* deadline would
//! have been due, and is then set for the one that holds; only a deadline that comes nearer moves
//! it. On a busy connection it is set about once in the five seconds that a client may be idle.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};

use super::Server;
use super::blocking::is_tick;
use super::transfer::send_file;
use crate::http::{Conn, Unsent, Want};
use crate::scoreboard::State;
use crate::sys::signal;

/// Serves the connection to its end.
// ANCHOR: drive
pub(super) async fn drive(
    client: &mut TcpStream,
    conn: &mut Conn<'_>,
    server: &Server<'_>,
    mut stop: watch::Receiver<()>,
) {
    let mut alarm = Alarm {
        timer: pin!(sleep_until(Instant::now().into())),
        stopped: pin!(stop.changed()),
        told: false,
        deadline: None,
    };
    loop {
        if signal::stopping() {
            conn.stop(Instant::now());
        }
        alarm.deadline = conn.deadline();
        let moved = match conn.want() {
            Want::Read => alarm.or_tick(|cx| read(client, conn, cx)).await,
            Want::Respond => {
                server.respond(conn, client);
                // The thread goes on with whoever is next.
                server.scoreboard.set(State::Waiting, conn.since());
                Ok(())
            }
            Want::Write => {
                let sent = alarm.or_tick(|cx| write(client, conn, cx)).await;
                sent.map(|count| server.scoreboard.sent(count))
            }
            Want::Shutdown => {
                conn.shut(Instant::now());
                poll_fn(|cx| Pin::new(&mut *client).poll_shutdown(cx)).await
            }
            Want::Close => return,
        };
        match moved {
            Ok(()) => {}
            Err(error) if is_tick(&error) => conn.expire(Instant::now()),
            // The client has gone, and with it everybody who could be told.
            Err(_) => return,
        }
    }
}
// ANCHOR_END: drive

/// What ends a wait for the client.
struct Alarm<'a, S> {
    timer: Pin<&'a mut Sleep>,
    /// Ready, once, when the server is to stop.
    stopped: Pin<&'a mut S>,
    /// It was.
    told: bool,
    /// The connection's, while it waits.
    deadline: Option<Instant>,
}

impl<S: Future> Alarm<'_, S> {
    /// What `io` comes to, or the error of a tick if the alarm goes off before.
    // ANCHOR: alarm
    async fn or_tick<T>(
        &mut self,
        mut io: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> io::Result<T> {
        poll_fn(|cx| match io(cx) {
            Poll::Pending => {
                ready!(self.poll(cx));
                Poll::Ready(Err(ErrorKind::WouldBlock.into()))
            }
            done => done,
        })
        .await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.told && self.stopped.as_mut().poll(cx).is_ready() {
            self.told = true;
            return Poll::Ready(());
        }
        let Some(deadline) = self.deadline.map(Into::into) else {
            return Poll::Pending;
        };
        if self.timer.is_elapsed() || deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
        }
        self.timer.as_mut().poll(cx)
    }
    // ANCHOR_END: alarm
}

fn read(client: &mut TcpStream, conn: &mut Conn<'_>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let mut space = ReadBuf::new(conn.space());
    ready!(Pin::new(client).poll_read(cx, &mut space))?;
    let count = space.filled().len();
    if count == 0 {
        conn.ended();
        return Poll::Ready(Ok(()));
    }
    let now = Instant::now();
    conn.received(count, now);
    // The timer waits its turn behind a client that always has more to send.
    conn.expire(now);
    Poll::Ready(Ok(()))
}

fn write(
    client: &mut TcpStream,
    conn: &mut Conn<'_>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let count = match conn.unsent() {
        Unsent::Bytes(bytes) => ready!(Pin::new(client).poll_write(cx, bytes))?,
        Unsent::File {
            file,
            offset,
            length,
        } => loop {
            ready!(client.poll_write_ready(cx))?;
            let send = || send_file(&*client, file, offset, length);
            match client.try_io(Interest::WRITABLE, send) {
                // The runtime has learned that it was not ready after all.
                Err(error) if is_tick(&error) => {}
                sent => break sent?,
            }
        },
    };
    conn.sent(count, Instant::now());
    Poll::Ready(Ok(count))
}
