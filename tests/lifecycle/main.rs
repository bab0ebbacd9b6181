//! The life of a server: how it stops, what becomes of its children, what it survives.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod accept;
mod busy;
mod children;
mod clients;
mod closing;
mod drain;
mod exhaustion;
mod floods;
mod inherited;
mod loops;
mod slow;
mod stop;
#[path = "../support/mod.rs"]
mod support;
mod threads;
mod uring;

use support::server::Server;
use support::wire;

/// A new client is served.
#[track_caller]
fn assert_serves(server: &Server) {
    let client = server.connect();
    wire::get_and_close(&client, "/");
    let (answer, _) = wire::read_to_end(&client);
    let text = String::from_utf8_lossy(&answer);
    assert!(text.ends_with("\r\n\r\nHello, World!\n"), "{text:?}");
}
