//! `servers`: the classic ways to structure a network server, side by side.
//!
//! Everything but the model is shared, so that what differs in a comparison *is* the model.
//! The rooms, from the top down; imports only ever point downwards:
//!
//! | room | what happens in it |
//! | --- | --- |
//! | [`cli`] | one file per subcommand: arguments in, calls out |
//! | [`mod@bench`] | the experiment: blocks, servers under test, accounting, statistics, results |
//! | [`report`] | what people look at: tables (terminal, Markdown, SVG), findings, progress |
//! | [`top`] | `servers top`: a live view of a scoreboard, in a terminal |
//! | [`load`] | the load generator; it works against any URL and knows nothing of models |
//! | [`models`] | one short file per model, and the registry of them all |
//! | [`master`] | the pre-fork machinery: sizes a pool of worker processes and keeps it whole |
//! | [`serve`] | moves bytes between a socket and an [`http::Conn`] |
//! | [`server`] | what every model is handed: server, settings, admission (slot, limit, 503) |
//! | [`accept`] | how connections are taken from the listener, and how workers share a port |
//! | [`status`] | what a server does, told to people and to programs |
//! | [`scoreboard`] | what each worker does and has done, in shared memory |
//! | [`service`] | what a server owes to its machine: pidfile, systemd, listeners, rights |
//! | [`site`] | the one request handler |
//! | [`http`] | HTTP/1.1 without I/O: bytes in, bytes out, no sockets, no clock |
//! | [`sys`] | the only room with `unsafe`: fork, signals, sockets, shared memory |
//!
//! ARCHITECTURE.md tells the same at length, with the invariants.

pub mod accept;
pub mod bench;
pub mod cli;
pub mod http;
pub mod load;
pub mod master;
pub mod models;
pub mod report;
pub mod scoreboard;
pub mod serve;
pub mod server;
pub mod service;
pub mod site;
pub mod status;
pub mod sys;
pub mod top;
