//! Drives a connection without a socket and keeps what the connection sends.
//!
//! The fuzz targets include this file too, so it uses the public interface alone.

use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use crate::http::{Body, Conn, Date, Handler, Limits, Now, Request, Response, Status};
use crate::http::{Unsent, Version, Want};

/// The interim response, which does not answer a request (RFC 9110 §15.2.1).
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A request as the handler saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) version: Version,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// Records each request and echoes it, so that a misread request shows in the answer too.
#[derive(Debug, Default)]
pub(crate) struct Witness(pub(crate) Mutex<Vec<Seen>>);

impl Handler for Witness {
    fn respond(&self, request: &Request<'_>) -> Response {
        let seen = Seen {
            method: request.method_name().to_owned(),
            target: request.target().to_owned(),
            version: request.version(),
            fields: request
                .fields()
                .map(|(name, value)| (name.to_owned(), value.to_vec()))
                .collect(),
            body: request.body().to_vec(),
        };
        let told = format!("{seen:?}\n");
        self.0.lock().expect("no test panics in here").push(seen);
        match request.path() {
            b"/empty" => Response::new(Status::NO_CONTENT),
            b"/same" => {
                Response::new(Status::NOT_MODIFIED).with_body("text/plain", told_body(told))
            }
            b"/long" => Response::new(Status::OK).with_body("", LONG),
            _ => Response::new(Status::OK).with_body("text/plain", told_body(told)),
        }
    }
}

/// Too long to be copied behind the head, and no multiple of the pattern's length.
const LONG: Body = Body::Repeated {
    pattern: b"0123456789",
    length: 40_003,
};

fn told_body(told: String) -> Body {
    Body::Owned(told.into_bytes())
}

/// What a connection has sent and taken so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The final responses, one after the other.
    pub(crate) answers: Vec<u8>,
    /// How many times `100 Continue` was sent.
    pub(crate) interim: usize,
    /// Bytes of the input that the connection took.
    pub(crate) taken: usize,
    /// Whether the connection wanted to close.
    pub(crate) ended: bool,
}

/// A connection, its peer and its clock.
pub(crate) struct Wire<'a> {
    pub(crate) conn: Conn<'a>,
    pub(crate) now: Instant,
    pub(crate) sent: Sent,
    handler: &'a dyn Handler,
    /// The most bytes that the peer takes in one write.
    write_max: usize,
}

impl<'a> Wire<'a> {
    pub(crate) fn new(limits: &'a Limits, handler: &'a dyn Handler) -> Self {
        let now = Instant::now();
        Self {
            conn: Conn::new(limits, now),
            now,
            sent: Sent::default(),
            handler,
            write_max: usize::MAX,
        }
    }

    pub(crate) fn writing_at_most(mut self, write_max: usize) -> Self {
        self.write_max = write_max.max(1);
        self
    }

    /// Lets time pass, and expires the connection if its deadline has come.
    pub(crate) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.conn.expire(self.now);
    }

    /// Sends a piece of a stream. Bytes that the connection does not want are lost, as on a socket.
    pub(crate) fn feed(&mut self, mut piece: &[u8]) {
        self.settle();
        while !piece.is_empty() && self.conn.want() == Want::Read {
            let count = self.receive(piece);
            piece = &piece[count..];
            self.settle();
        }
    }

    /// Lets the connection read once. Returns how many bytes it took.
    pub(crate) fn receive(&mut self, piece: &[u8]) -> usize {
        let space = self.conn.space();
        assert!(!space.is_empty(), "there is no room for what is wanted");
        let count = piece.len().min(space.len());
        space[..count].copy_from_slice(&piece[..count]);
        self.conn.received(count, self.now);
        self.sent.taken += count;
        count
    }

    /// Does what the connection wants until it wants to read or to close.
    pub(crate) fn settle(&mut self) {
        // A request takes at least three turns, and each write sends at least a byte.
        for _ in 0..10_000_000 {
            match self.conn.want() {
                Want::Read => return,
                Want::Close => return self.sent.ended = true,
                Want::Respond => self.respond(),
                Want::Write => self.write(),
                Want::Shutdown => self.conn.shut(self.now),
            }
        }
        panic!("the connection goes round in circles");
    }

    pub(crate) fn respond(&mut self) {
        self.conn.respond(self.handler, || now(self.now));
    }

    /// Writes once, as many bytes as the peer takes.
    pub(crate) fn write(&mut self) {
        let mut room = [0; 1024];
        let bytes = match self.conn.unsent() {
            Unsent::Bytes(CONTINUE) => {
                self.sent.interim += 1;
                return self.conn.sent(CONTINUE.len(), self.now);
            }
            Unsent::Bytes(bytes) => &bytes[..bytes.len().min(self.write_max)],
            Unsent::File {
                file,
                offset,
                length,
            } => {
                let most = usize::try_from(length).unwrap_or(usize::MAX);
                let room_length = room.len().min(most).min(self.write_max);
                let count = file.read_at(&mut room[..room_length], offset);
                &room[..count.expect("the file can be read")]
            }
        };
        self.sent.answers.extend_from_slice(bytes);
        let count = bytes.len();
        let is_file = matches!(self.conn.unsent(), Unsent::File { .. });
        assert!(count > 0 || is_file, "there is nothing to write");
        self.conn.sent(count, self.now);
    }
}

/// Feeds a stream in pieces and then ends the client's side of it.
pub(crate) fn run<'p>(
    limits: &Limits,
    handler: &dyn Handler,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Sent {
    let mut wire = Wire::new(limits, handler);
    for piece in pieces {
        wire.feed(piece);
    }
    if wire.conn.want() == Want::Read {
        wire.conn.ended();
        wire.settle();
    }
    assert!(
        wire.sent.ended,
        "a connection that the client ended goes on"
    );
    wire.sent
}

/// Divides a stream; each cut is an offset, in any order and from any range.
pub(crate) fn cut<'i>(input: &'i [u8], cuts: &[usize]) -> Vec<&'i [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(input.len());
    let mut start = 0;
    let piece = |end| {
        let piece = &input[start..end];
        start = end;
        piece
    };
    cuts.into_iter().map(piece).collect()
}

/// This time, but always with the same date, so that tests can compare answers.
fn now(instant: Instant) -> Now {
    Now {
        instant,
        date: Date::at(SystemTime::UNIX_EPOCH),
    }
}
