//! `servers`: the classic ways to structure a network server, side by side.
//!
//! Every model here ([`models`]) serves the same site through the same HTTP/1.1 implementation, so
//! a difference between two models in a comparison comes from the models alone. Most readers start
//! with the binary (`servers run prefork`, `servers bench --all`) and the book in `chapters/`. This
//! page is the map for reading the source.
//!
//! # Where to start
//!
//! - *One model*: [`models`] has one short file for each. `models/iterative.rs` is the first to
//!   read, `models/prefork.rs` the one with a master.
//! - *One request*: [`server::Server::serve`] moves bytes between a socket and an [`http::Conn`],
//!   which parses them and calls the handler, [`site::Site`].
//! - *One worker's life*: [`master`] starts it, watches it and reaps it.
//! - *One measurement*: [`load::run`] loads a URL, [`mod@bench`] compares servers.
//!
//! The folder `examples/` uses the library from outside: a handler of your own behind a model, and
//! a load run.
//!
//! # Rooms
//!
//! From the top down; a room imports only from rooms below it (`tests/tidy/` has the exact list):
//!
//! | room | what happens in it |
//! | --- | --- |
//! | [`cli`] | one file per subcommand: arguments in, calls out |
//! | [`top`] | `servers top`: a live view of a scoreboard, in a terminal |
//! | [`report`] | results for people: tables (terminal, Markdown, SVG), findings, progress |
//! | [`lab`] | experiments: a question, a prediction, a picture and a verdict |
//! | [`mod@bench`] | the experiment: blocks, servers under test, accounting, statistics, results |
//! | [`size`] | how large a service must be: formulas and a simulation of queues |
//! | [`load`] | the load generator; it works against any URL and knows nothing of models |
//! | [`models`] | one short file per model, and the registry of them all |
//! | [`master`] | the pre-fork machinery: sizes a pool of worker processes and keeps it whole |
//! | [`serve`] | moves bytes between a socket and an [`http::Conn`] |
//! | [`server`] | what every model is handed: server, settings, admission (slot, limit, 503) |
//! | [`accept`] | how connections are taken from the listener, and how workers share a port |
//! | [`site`] | the one request handler |
//! | [`http`] | HTTP/1.1 without I/O: bytes in, bytes out, no sockets, no clock |
//! | [`status`] | what a server does, as HTML, text, JSON and metrics |
//! | [`trace`] | event records of server and clients, joined by the port, drawn as lanes |
//! | [`scoreboard`] | what each worker does and has done, in shared memory |
//! | [`service`] | pidfile, systemd, inherited listeners, user, sandbox |
//! | [`sys`] | the only room with `unsafe`: fork, signals, sockets, shared memory |
//!
//! ARCHITECTURE.md has the invariants, and the room that keeps each of them.

pub mod accept;
pub mod bench;
pub mod cli;
pub mod http;
pub mod lab;
pub mod load;
pub mod master;
pub mod models;
pub mod report;
pub mod scoreboard;
pub mod serve;
pub mod server;
pub mod service;
pub mod site;
pub mod size;
pub mod status;
pub mod sys;
pub mod top;
pub mod trace;
