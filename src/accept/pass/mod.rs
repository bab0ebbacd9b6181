//! The master accepts and passes the connection on: a descriptor, sent to an idle worker over a
//! Unix socket (UNP section 30.9).
//!
//! ```text
//!   clients      accept queue      master                      workers
//!
//!     A ──▶ [ A B C ] ──────▶ accept, pick one ── A ──▶ 0: serve A
//!                                  ▲    └──────── B ──▶ 1: serve B
//!                                  └──────────── idle ─ 2: waiting
//! ```
//!
//! *What it costs*: two messages per connection, and a wake-up of the master for each of them. Only
//! here the master works while clients come. *When it breaks*: late, because the master does little
//! per connection. But all connections go through one process.
//!
//! *What it is good for*: the master decides which worker gets a connection. Here it decides by one
//! of two rules (`Pick`). A proxy can pass each connection to the process of its tenant.
//!
//! Both ends of each channel stay open in the master. So a connection that was passed to a worker
//! that died before reading it is not lost: it lies in the channel, and the master takes it back.
//! A connection that the worker had read is lost with the worker, as in every other strategy.

mod dispatcher;
mod messages;
mod receiver;

use super::shared::SHARED;
use super::strategy::Strategy;

use dispatcher::Dispatcher;

/// `--accept pass`.
pub const PASS: Strategy = Strategy {
    name: "pass",
    summary: "the master accepts and passes descriptors on",
    master_accepts: true,
    options: &["pick"],
    open: |listener, options, _| Ok(Box::new(Dispatcher::new(listener, options.pick))),
    ..SHARED
};
