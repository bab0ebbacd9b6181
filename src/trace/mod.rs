//! What happened to each connection, and when: records of the server and of the load generator,
//! joined by the client's port and drawn as lanes.
//!
//! ```text
//!   servers run --trace FILE ──▶ accepted, taken, first_byte, … ─┐
//!                                                                ├─▶ join ─▶ lanes, SVG, page,
//!   servers load --trace FILE ─▶ connecting, sent, answered, … ──┘           Chrome's format
//! ```
//!
//! A trace is a file of JSON objects, one a line. Every process and thread appends whole lines to
//! it, each by one `write(2)` (O_APPEND), so lines of several writers do not mix. The times of all
//! of them are ns of `CLOCK_MONOTONIC`, which all processes of the machine share.
//!
//! | event | recorded by | when |
//! | --- | --- | --- |
//! | `trace` | both | first of all; its `note` says what is traced |
//! | `connecting` | client | before connect(2) |
//! | `connected` | client | the first write(2) shows that the connection is established |
//! | `sent` | client | the request is with the kernel as a whole |
//! | `accepted` | server | the connection has left the accept queue |
//! | `taken` | server | a worker (a process, a thread, an event loop) has it from now on |
//! | `rejected` | server | it was answered 503, because the limit of connections is reached |
//! | `first_byte` | both | the first byte of a request, or of an answer, was read |
//! | `handed` | server | the request is whole and goes to the handler |
//! | `answered` | both | the handler has returned; the client has the whole answer |
//! | `failed` | client | the request has no valid answer |
//! | `closed` | both | the socket is about to be closed |
//! | `limit` | both | the trace is full; later events are missing |
//!
//! # Invariants
//!
//! - A server without `--trace` makes one relaxed load at each of these places: it reads no clock
//!   and makes no system call.
//! - A trace is bounded: all processes of a server count their records together.

mod join;
mod lanes;
mod page;
mod perfetto;
mod record;
mod recorder;
pub mod scenario;
mod server_side;
mod svg;

pub use join::{Connection, Kind, Lane, Moment, Span, Timeline, Worker};
pub use lanes::{Charset, lanes};
pub use page::page;
pub use perfetto::perfetto;
pub use record::{Event, ReadError, Record, Side, read};
pub use recorder::{RECORDS_MAX, Recorder, monotonic_ns};
pub use server_side::{accepted, answered, closed, handed, received, rejected, start, taken};
pub use svg::{Scale, in_words, svg};
