//! One event of one connection, as a line of a trace.

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};

/// An event of a connection; the table in [`trace`](super) says when each is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first line of a writer.
    Trace,
    /// The client is about to connect.
    Connecting,
    /// The client's connection is established.
    Connected,
    /// The client has sent its request.
    Sent,
    /// The connection has left the accept queue.
    Accepted,
    /// A worker has the connection from now on.
    Taken,
    /// The connection was answered 503 without a worker.
    Rejected,
    /// The first byte of a request or an answer.
    FirstByte,
    /// The request goes to the handler.
    Handed,
    /// The handler has returned, or the client has the answer.
    Answered,
    /// The client's request has no valid answer.
    Failed,
    /// The socket is about to be closed.
    Closed,
    /// No further event is recorded.
    Limit,
}

/// Which end of the connection has recorded an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// A process or thread of the server.
    Server,
    /// The load generator, or the client of a lab.
    Client,
}

/// A line of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// `CLOCK_MONOTONIC`, in nanoseconds.
    pub ns: u64,
    /// Which end has recorded it.
    pub side: Side,
    /// What happened.
    pub event: Event,
    /// The client's port, by which the two sides are joined. 0 in lines that concern none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub port: u16,
    /// Server: the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Server: its slot in the scoreboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<usize>,
    /// Server: the thread, as `gettid(2)` numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<u32>,
    /// Client: its number, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<u32>,
    /// Client: when the request should have been sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intended: Option<u64>,
    /// The client's name; in the first line, what is traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// By reference, as serde calls it.
fn is_zero(port: &u16) -> bool {
    *port == 0
}

impl Record {
    /// An event without the details of its side.
    pub fn new(ns: u64, side: Side, event: Event) -> Self {
        Self {
            ns,
            side,
            event,
            port: 0,
            pid: None,
            slot: None,
            thread: None,
            client: None,
            intended: None,
            note: None,
        }
    }
}

/// A trace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The error of the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no JSON object with the fields of a record.
    #[error("line {line} is no record of a trace: {reason}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        reason: serde_json::Error,
    },
}

/// Reads a trace. A last line without an end is left out: a server that was killed, or a full disk,
/// may have cut it short.
///
/// # Errors
/// The file cannot be read, or a line is no record.
pub fn read(file: impl BufRead) -> Result<Vec<Record>, ReadError> {
    let mut records = Vec::new();
    let mut file = file;
    let mut text = String::new();
    for line in 1.. {
        text.clear();
        if file.read_line(&mut text)? == 0 || !text.ends_with('\n') {
            break;
        }
        let record = serde_json::from_str(&text);
        records.push(record.map_err(|reason| ReadError::Line { line, reason })?);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_only_what_its_side_knows() {
        let record = Record {
            port: 40_112,
            pid: Some(7),
            slot: Some(0),
            thread: Some(9),
            ..Record::new(12, Side::Server, Event::FirstByte)
        };
        let line = serde_json::to_string(&record).unwrap();
        let expected = "{\"ns\":12,\"side\":\"server\",\"event\":\"first_byte\",\
            \"port\":40112,\"pid\":7,\"slot\":0,\"thread\":9}";
        assert_eq!(line, expected);
        assert_eq!(read(format!("{line}\n").as_bytes()).unwrap(), [record]);
    }

    #[test]
    fn a_line_that_was_cut_short_is_left_out_and_a_wrong_one_is_named() {
        let whole = "{\"ns\":1,\"side\":\"client\",\"event\":\"sent\"}\n";
        let cut = format!("{whole}{{\"ns\":2,\"si");
        assert_eq!(read(cut.as_bytes()).unwrap().len(), 1);
        let wrong = format!("{whole}GET / HTTP/1.1\n");
        let error = read(wrong.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("line 2 is no record"), "{error}");
    }
}
