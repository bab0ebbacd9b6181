//! Drives a connection as a task of a runtime. The steps are those of the blocking driver. Where
//! that one blocks, this one returns to the runtime, which runs other tasks.
//!
//! There the tick interrupts a blocking call. Here a timer does, when the deadline is over, or the
//! request to stop. Nearly every deadline is called off, because the next request comes before it.
//! So the timer is not set again for each of them. It expires at the *first* deadline, and is then
//! set for the current one; only a deadline that comes nearer moves it. On a busy connection the
//! timer is set about once in the five seconds that a client may be idle.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};

use super::transfer::{is_tick, lingers, send_file};
use crate::http::{Conn, Unsent, Want};
use crate::scoreboard::State;
use crate::server::Server;
use crate::sys::signal;
use crate::trace;

impl Server<'_> {
    /// [`Server::serve`] as a task of a runtime: waiting holds up no thread. Idle connections end
    /// when `stop` changes.
    pub async fn serve_async(&self, mut client: TcpStream, stop: watch::Receiver<()>) {
        let mut conn = Conn::new(&self.limits, Instant::now());
        self.scoreboard.accepted();
        trace::taken(&client);
        let _held = self.scoreboard.hold();
        drive(&mut client, &mut conn, self, stop).await;
        trace::closed(&client);
    }
}

// ANCHOR: drive
async fn drive(
    client: &mut TcpStream,
    conn: &mut Conn<'_>,
    server: &Server<'_>,
    mut stop: watch::Receiver<()>,
) {
    let mut waits = Waits {
        timer: pin!(sleep_until(Instant::now().into())),
        stop: pin!(stop.changed()),
        heard_of_stop: false,
        deadline: None,
    };
    loop {
        if signal::stopping() {
            conn.stop(Instant::now());
        }
        waits.deadline = conn.deadline();
        let moved = match conn.want() {
            Want::Read => waits.or_tick(|cx| read(client, conn, cx)).await,
            Want::Respond => {
                server.respond(conn, client);
                // The thread runs another task next.
                server.scoreboard.set(State::Waiting, conn.since());
                Ok(())
            }
            Want::Write => {
                let sent = waits.or_tick(|cx| write(client, conn, cx)).await;
                sent.map(|count| server.scoreboard.sent(count))
            }
            Want::Shutdown => {
                conn.shut(Instant::now());
                poll_fn(|cx| Pin::new(&mut *client).poll_shutdown(cx)).await
            }
            Want::Close if lingers(conn, client) => Ok(()),
            Want::Close => return,
        };
        match moved {
            Ok(()) => {}
            Err(error) if is_tick(&error) => conn.expire(Instant::now()),
            // The client has gone: there is no one left to tell.
            Err(_) => return,
        }
    }
}
// ANCHOR_END: drive

/// What ends a wait for the client.
struct Waits<'a, S> {
    timer: Pin<&'a mut Sleep>,
    /// Ready, once, when the server is to stop.
    stop: Pin<&'a mut S>,
    /// `stop` was ready: a future that is done must not be polled again.
    heard_of_stop: bool,
    /// The connection's deadline while it waits.
    deadline: Option<Instant>,
}

impl<S: Future> Waits<'_, S> {
    /// The outcome of `io`, or the error of a tick if the timer or the stop comes first.
    ///
    /// `poll_fn` makes a future of a function that tries once. When it returns `Pending`, the
    /// runtime runs other tasks; each source that was polled (socket, timer, stop) has noted the
    /// task and wakes it, and the function tries again. `select!` would do the same with a future
    /// for each source, made and dropped for every wait; here the timer and the stop live as long
    /// as the connection.
    // ANCHOR: waits
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
        if !self.heard_of_stop && self.stop.as_mut().poll(cx).is_ready() {
            self.heard_of_stop = true;
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
    // ANCHOR_END: waits
}

fn read(client: &mut TcpStream, conn: &mut Conn<'_>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let mut space = ReadBuf::new(conn.space());
    ready!(Pin::new(&mut *client).poll_read(cx, &mut space))?;
    let count = space.filled().len();
    if count == 0 {
        conn.ended();
        return Poll::Ready(Ok(()));
    }
    trace::received(client);
    let now = Instant::now();
    conn.received(count, now);
    // The timer is polled only when the socket has nothing. A client that always has more to send
    // must meet its deadline all the same.
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
                // The runtime has learned that the socket was not ready after all.
                Err(error) if is_tick(&error) => {}
                sent => break sent?,
            }
        },
    };
    conn.sent(count, Instant::now());
    Poll::Ready(Ok(count))
}
