//! **Async**: a task for each connection, many tasks to a thread.
//!
//! ```text
//!   clients        a task               the runtime's queue      its threads
//!
//!     A ─────────▶ accept ▶ spawn ────▶ [ task A ] ───────────▶  0: run A until it waits ▶ run C
//!     B ─────────▶ accept ▶ spawn ────▶ [ task B ] ───────────▶  1: run B until it waits ▶ …
//!                    ▲        │             ▲
//!                    └────────┘             └─ epoll: its socket is ready, wake the task
//! ```
//!
//! *What it costs*: a task per connection, some hundred bytes beside its buffers. Each wait is a
//! trip through the runtime: note which task waits, ask epoll, find the task, queue it, run it.
//!
//! *When it breaks*: when a handler blocks. It holds up its thread and all tasks that are queued
//! there. With as many blocked handlers as there are threads, no task runs.
//!
//! *In the wild*: hyper and axum on tokio; Go and Erlang have such a runtime built in.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::{HowMany, Model};
use crate::accept::{AsyncListener, Listener, SHARED};
use crate::server::{Rejected, Server};

pub(super) const MODEL: Model = Model {
    name: "async",
    aliases: &["tokio"],
    summary: "a task for each connection, on a runtime of a few threads",
    accepts: "a task",
    clients_per_worker: "all",
    in_the_wild: "hyper, axum",
    chapter: "13-async.md",
    processes: HowMany::One,
    threads: HowMany::Pool,
    holds_all_clients: true,
    strategies: &[SHARED],
    triggers: &[],
    needs_io_uring: false,
    check,
    run,
};

/// A task may outlive the function that spawns it, so what it borrows must live as long as the
/// process.
type Lasting = &'static Server<'static>;

// ANCHOR: run
fn run(server: Lasting, listener: Listener) -> io::Result<()> {
    runtime(server)?.block_on(accept(server, listener))
}

async fn accept(server: Lasting, listener: Listener) -> io::Result<()> {
    let mut listener = AsyncListener::new(listener)?;
    let mut rejected = Rejected::new(server.scoreboard);
    // Each connection holds a receiver: it hears of the stop, and counts.
    let stop = watch::Sender::new(());
    while let Some(client) = listener.accept_while(|| rejected.sweep()).await? {
        if stop.receiver_count() >= server.connections_max {
            rejected.add(client.into_std()?);
            continue;
        }
        tokio::spawn(server.serve_async(client, stop.subscribe()));
    }
    drop(listener);
    stop.send_replace(());
    // The last connection drops the last receiver: the graceful stop.
    stop.closed().await;
    Ok(())
}
// ANCHOR_END: run

/// A thread for each processor, which is tokio's own default, unless an option sets the number.
// ANCHOR: runtime
fn runtime(server: Lasting) -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if let Some(threads) = server.threads {
        builder.worker_threads(threads);
    }
    let started = AtomicUsize::new(0);
    builder
        .on_thread_start(move || {
            server.scoreboard.enter(started.fetch_add(1, Relaxed));
        })
        .enable_all()
        .build()
}
// ANCHOR_END: runtime

/// tokio panics where the system refuses a thread. So this tries all of them before: each waits
/// until the last has started.
fn check(threads: Option<usize>) -> io::Result<()> {
    let cores = || thread::available_parallelism().map_or(1, usize::from);
    let count = threads.unwrap_or_else(cores);
    let gate = Mutex::new(());
    thread::scope(|scope| {
        let closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = || drop(gate.lock());
        let start = |_| thread::Builder::new().spawn_scoped(scope, wait);
        let started: io::Result<Vec<_>> = (0..count).map(start).collect();
        drop(closed);
        let reason = match started {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        Err(io::Error::other(format!(
            "no {count} threads: {reason}; ask for fewer with --threads"
        )))
    })
}
