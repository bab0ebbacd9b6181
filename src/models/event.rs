//! **Event**: children made in advance, each an event loop of its own.
//!
//! ```text
//!   clients      accept queue       children                        master
//!
//!   A B C … ───────────┬──────────▶ 0: epoll_wait ▶ A, C, A, … ─┐   forks them all first,
//!                      │                    ▲───────────────────┘   then waits for signals:
//!   D E F … ───────────┴──────────▶ 1: epoll_wait ▶ D, F, E, … ─┐   a child that dies
//!                                           ▲───────────────────┘   is replaced
//!                                   all clients that it accepted
//! ```
//!
//! *What it costs*: what an event loop costs, once per core. The new question is how the children
//! share the port: which of them a new connection wakes, and which gets more of them than others.
//!
//! *When it breaks*: with a handler that waits or computes. All clients of that child wait for it,
//! though another child may be idle. A crash takes all of them along.
//!
//! *In the wild*: nginx, Envoy and HAProxy (with threads), Apache event for connections that idle.

use std::io;

use nix::sys::resource::{UsageWho, getrusage};

use super::{HowMany, Model, RUNS_EVERYWHERE};
use crate::accept::{EPOLL, EXCLUSIVE, Listener, REUSEPORT};
use crate::master::{self, Worker};
use crate::scoreboard::{Wakes, slot};
use crate::serve::{Epoll, EventLoop, Ready};
use crate::server::{Server, Trigger};
use crate::sys::signal;

pub(super) const MODEL: Model = Model {
    name: "event",
    aliases: &[],
    summary: "a master and a pool of children with an epoll loop each",
    accepts: "each child",
    clients_per_worker: "all",
    in_the_wild: "nginx, Envoy",
    chapter: "11-event.md",
    processes: HowMany::Pool,
    threads: HowMany::One,
    holds_all_clients: true,
    strategies: &[EXCLUSIVE, EPOLL, REUSEPORT],
    triggers: &Trigger::ALL,
    needs_io_uring: false,
    check: RUNS_EVERYWHERE,
    run,
};

// ANCHOR: run
fn run(server: &Server<'_>, listener: Listener) -> io::Result<()> {
    master::run(server, listener, work)
}

fn work(worker: &Worker<'_>) -> io::Result<()> {
    let mut clients = join(worker)?;
    worker.ready();
    let mut ready = Vec::new();
    while clients.wait(&mut ready)? {
        for source in ready.drain(..) {
            match source {
                Ready::Listener => clients.accept()?,
                Ready::Client(client, readiness) => {
                    clients.serve(client, readiness);
                }
            }
        }
        clients.run_timers()?;
    }
    report(worker)
}
// ANCHOR_END: run

type Loop<'w> = EventLoop<'w, &'w Listener, Epoll>;

/// The loop of one worker, which accepts beside the loops of the other workers.
// ANCHOR: join
fn join<'w>(worker: &'w Worker<'_>) -> io::Result<Loop<'w>> {
    let (server, listener) = (worker.server, worker.listener()?);
    listener.set_nonblocking()?;
    let epoll = Epoll::new(server.trigger)?;
    if server.accept == EXCLUSIVE {
        let clients = Loop::new(server, listener, epoll.exclusive())?;
        return Ok(clients.sharing(server.requeue));
    }
    let clients = Loop::new(server, listener, epoll)?;
    Ok(match server.accept.has_queue_per_worker {
        true => clients,
        false => clients.sharing(0),
    })
}
// ANCHOR_END: join

/// Logs what the strategies differ in. The kernel sends most of the workers that it woke too late
/// back to sleep by itself, so `accept` does not count them; the kernel's own count of context
/// switches does.
fn report(worker: &Worker<'_>) -> io::Result<()> {
    // Clients decide how often a worker is recycled.
    if !signal::stopping() {
        return Ok(());
    }
    let Wakes { accepted, in_vain } = worker.server.scoreboard.wakes();
    let awake = getrusage(UsageWho::RUSAGE_SELF)?.voluntary_context_switches();
    let slot = slot::get();
    crate::log!(
        "slot {slot}: {accepted} connections, {awake} times awake, {in_vain} accepts in vain"
    );
    Ok(())
}
