//! **Pre-threaded**: threads made before the requests arrive.
//!
//! ```text
//!   --accept mutex     accept queue           threads, all in one process
//!
//!     A ────────────────┐          ┌────────▶ 0: serve A ▶ …
//!     B ────────────────┼──▶ lock ─┼────────▶ 1: serve B ▶ …
//!     C ──────▶ [ C ] ──┘          └────────▶ 2: accept (waiting, and holding the lock)
//!                                             3: waiting for the lock
//!   --accept main
//!
//!     A ──▶                    ┌─▶ queue ─┬─▶ 0: serve A ▶ …
//!     B ──▶  main thread: accept          ├─▶ 1: serve B ▶ …
//!     C ──▶  until the queue is full      └─▶ 2: waiting for the queue
//! ```
//!
//! *What it costs*: next to nothing per connection: a lock, or a hand-over between two threads.
//!
//! *When it breaks*: when all threads are busy, as with pre-fork. Like all threads, it breaks with
//! a handler that is not thread-safe, and with a crash, which takes all clients along.
//!
//! *In the wild*: the thread pools of classic Java servers (Tomcat, Jetty) and of RPC frameworks.

use std::io;
use std::net::TcpStream;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{HowMany, Model, RUNS_EVERYWHERE};
use crate::accept::{Accepted, Listener, MAIN, MUTEX};
use crate::server::{Server, ThreadPool};

pub(super) const MODEL: Model = Model {
    name: "prethreaded",
    aliases: &["threadpool"],
    summary: "a pool of threads made in advance",
    accepts: "each thread, or the main thread",
    clients_per_worker: "1",
    in_the_wild: "thread pools, classic Java servers",
    chapter: "07-prethreaded.md",
    processes: HowMany::One,
    threads: HowMany::Pool,
    holds_all_clients: false,
    strategies: &[MUTEX, MAIN],
    triggers: &[],
    needs_io_uring: false,
    check: RUNS_EVERYWHERE,
    run,
};

fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    if server.accept == MAIN {
        main_accepts(server, listener)
    } else {
        each_accepts(server, listener)
    }
}

/// UNP section 30.11.
// ANCHOR: mutex
fn each_accepts(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    let listener = &Mutex::new(listener);
    thread::scope(|scope| {
        let pool = ThreadPool::start(scope, server.thread_count(), |slot| {
            server.scoreboard.enter(slot);
            while let Some(client) = accept(listener)? {
                server.serve(&client);
                drop(client);
            }
            Ok(())
        });
        pool.finish()
    })
}

/// The next connection. The thread that waits for it holds the lock; the
/// others wait for the lock.
fn accept(listener: &Mutex<Listener>) -> Accepted {
    lock(listener).accept()
}
// ANCHOR_END: mutex

/// UNP section 30.12.
// ANCHOR: main
fn main_accepts(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    // As many may wait for a thread as there are threads; when the queue
    // is full, the others stay in the accept queue.
    let (queue, clients) = mpsc::sync_channel(server.thread_count());
    let clients = &Mutex::new(clients);
    thread::scope(|scope| {
        let mut pool = ThreadPool::start(scope, server.thread_count(), |slot| {
            server.scoreboard.enter(slot);
            while let Some(client) = next(clients) {
                server.serve(&client);
                drop(client);
            }
            Ok(())
        });
        while let Some(client) = listener.accept_while(|| pool.complete())? {
            if queue.send(client).is_err() {
                break;
            }
        }
        drop((listener, queue));
        pool.finish()
    })
}

/// The next connection of the queue. `None` when it is empty and the main
/// thread has dropped its end.
fn next(clients: &Mutex<Receiver<TcpStream>>) -> Option<TcpStream> {
    lock(clients).recv().ok()
}
// ANCHOR_END: main

/// No thread panics while it holds one of these locks, so a poisoned lock guards no broken state.
fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
