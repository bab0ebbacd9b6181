//! One bare server for each model: the model alone, without anything that a service needs.
//!
//! ```console
//! $ cargo run --example bare -- prefork
//! $ curl http://127.0.0.1:8080/
//! hello
//! ```
//!
//! They have no timeouts, no limits, no graceful stop and no HTTP to speak of. The chapters show
//! them before the real files, to tell what the model is from what a server owes its clients.

#![allow(
    unsafe_code,
    reason = "fork and io_uring are shown as the system has them"
)]

mod r#async;
mod common;
mod compare;
mod counts;
mod epoll;
mod event;
mod fork;
mod front;
mod iterative;
mod load;
mod log;
mod merge;
mod poll;
mod prefork;
mod prethreaded;
mod reload;
mod sizing;
mod solutions;
mod threaded;
mod uring;
mod worker;

use std::io;

type Run = fn() -> io::Result<()>;

/// What runs under which name. A solution is an exercise of a chapter, solved. Those from
/// `counts` to `merge` are the unsolved ones of exercises that no model's server fits.
const SERVERS: &[(&str, Run)] = &[
    ("iterative", iterative::run),
    ("fork", fork::run),
    ("prefork", prefork::run),
    ("threaded", threaded::run),
    ("prethreaded", prethreaded::run),
    ("worker", worker::run),
    ("poll", poll::run),
    ("epoll", epoll::run),
    ("event", event::run),
    ("uring", uring::run),
    ("async", r#async::run),
    ("counts", counts::run),
    ("compare", compare::run),
    ("reload", reload::run),
    ("log", log::run),
    ("load", load::run),
    ("front", front::run),
    ("sizing", sizing::run),
    ("merge", merge::run),
    ("solutions/backlog", solutions::backlog::run),
    ("solutions/iterative", solutions::iterative::run),
    ("solutions/fork", solutions::fork::run),
    ("solutions/prefork", solutions::prefork::run),
    ("solutions/reuseport", solutions::reuseport::run),
    ("solutions/threaded", solutions::threaded::run),
    ("solutions/prethreaded", solutions::prethreaded::run),
    ("solutions/worker", solutions::worker::run),
    ("solutions/poll", solutions::poll::run),
    ("solutions/epoll", solutions::epoll::run),
    ("solutions/event", solutions::event::run),
    ("solutions/uring", solutions::uring::run),
    ("solutions/async", solutions::r#async::run),
    ("solutions/compare", solutions::compare::run),
    ("solutions/counts", solutions::counts::run),
    ("solutions/descriptors", solutions::descriptors::run),
    ("solutions/stop", solutions::stop::run),
    ("solutions/reload", solutions::reload::run),
    ("solutions/privileges", solutions::privileges::run),
    ("solutions/log", solutions::log::run),
    ("solutions/load", solutions::load::run),
    ("solutions/front", solutions::front::run),
    ("solutions/sizing", solutions::sizing::run),
    ("solutions/merge", solutions::merge::run),
];

fn main() -> io::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_default();
    match SERVERS.iter().find(|(server, _)| *server == name) {
        Some((_, run)) => run(),
        None => {
            let names: Vec<_> = SERVERS.iter().map(|(name, _)| *name).collect();
            eprintln!(
                "usage: bare SERVER [ADDRESS]; SERVER is {}",
                names.join(", ")
            );
            std::process::exit(2);
        }
    }
}
