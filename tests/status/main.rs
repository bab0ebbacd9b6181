//! The scoreboard as a user sees it: `/status` and `/metrics` in all their formats, the slow log,
//! the counts of killed workers, and `servers top`.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod access;
mod bind;
mod counts;
mod formats;
mod kills;
mod slow;
#[path = "../support/mod.rs"]
mod support;
mod top;

use std::net::TcpStream;

use servers::status::{Report, Source};
use support::server::Server;
use support::wire::{self, Answer};

/// A report from the memory of the server, without a request to it.
#[track_caller]
fn report(server: &Server) -> Report {
    let pid = server.pid().cast_unsigned();
    Source::of_process(pid).unwrap().report()
}

/// The answer to one request on a connection of its own.
#[track_caller]
fn get(server: &Server, path: &str) -> Answer {
    let client = server.connect();
    wire::get_and_close(&client, path);
    let (bytes, _) = wire::read_to_end(&client);
    Answer::take(&mut &bytes[..], false).expect("an answer")
}

/// A connection whose request holds a worker for as long as the connection lives.
#[track_caller]
fn hold(server: &Server) -> TcpStream {
    let client = server.connect();
    wire::get(&client, "/sleep?ms=1000000");
    server.wait_until_read(&client);
    client
}
