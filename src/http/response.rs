//! What a handler returns, and how the head of the answer is written.

use std::borrow::Cow;
use std::fs::File;

use smallvec::SmallVec;

use super::date::Date;
use super::status::Status;

/// A buffer for the head of a response, and for small content behind it. A usual head needs no
/// allocation.
pub(super) type Out = SmallVec<[u8; 512]>;

/// What a handler answers. The connection adds framing, Date and Connection.
#[derive(Debug)]
pub struct Response {
    pub(super) status: Status,
    pub(super) content_type: Cow<'static, str>,
    pub(super) fields: Vec<(&'static str, Cow<'static, str>)>,
    pub(super) body: Body,
    pub(super) is_last: bool,
}

/// The content of a response; it stays where it is until it is sent.
#[derive(Debug)]
pub enum Body {
    /// Bytes that live as long as the program.
    Static(&'static [u8]),
    /// Bytes that the handler made for this response.
    Owned(Vec<u8>),
    /// `length` bytes that repeat `pattern`, or none if it is empty; they are never all in memory.
    Repeated {
        /// The bytes to repeat.
        pattern: &'static [u8],
        /// Bytes of the content.
        length: u64,
    },
    /// A part of a file, to be sent by the kernel.
    File {
        /// Open for reading.
        file: File,
        /// Position of the first byte of the part.
        offset: u64,
        /// Bytes of the part.
        length: u64,
    },
}

impl Body {
    /// Bytes of the content.
    pub fn length(&self) -> u64 {
        match self {
            Self::Static(bytes) => bytes.len() as u64,
            Self::Owned(bytes) => bytes.len() as u64,
            Self::Repeated { pattern: [], .. } => 0,
            Self::Repeated { length, .. } | Self::File { length, .. } => *length,
        }
    }
}

impl Response {
    /// A response without content and without a Content-Type.
    pub fn new(status: Status) -> Self {
        Self {
            status,
            content_type: Cow::Borrowed(""),
            fields: Vec::new(),
            body: Body::Static(b""),
            is_last: false,
        }
    }

    /// A response in plain text.
    pub fn text(status: Status, text: impl Into<Cow<'static, str>>) -> Self {
        let body = match text.into() {
            Cow::Borrowed(text) => Body::Static(text.as_bytes()),
            Cow::Owned(text) => Body::Owned(text.into_bytes()),
        };
        Self::new(status).with_body("text/plain; charset=utf-8", body)
    }

    /// An error as one sentence of plain text: `404 Not Found: there is nothing here`.
    pub fn sentence(status: Status, sentence: &str) -> Self {
        let text = format!("{} {}: {sentence}\n", status.code(), status.reason());
        Self::text(status, text)
    }

    /// Sets the content and its media type; an empty type leaves Content-Type out.
    pub fn with_body(mut self, content_type: impl Into<Cow<'static, str>>, body: Body) -> Self {
        self.content_type = content_type.into();
        self.body = body;
        self
    }

    /// Sets the media type and keeps the content.
    pub fn with_type(mut self, content_type: impl Into<Cow<'static, str>>) -> Self {
        self.content_type = content_type.into();
        self
    }

    /// Adds a header field. A character that a value must not hold is written as a space (RFC 9110
    /// §5.5), so that no text from a request can start a line of its own.
    pub fn with_field(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// Turns a success into a 304: without the content and its type, with all other fields.
    pub fn into_not_modified(self) -> Self {
        Self {
            status: Status::NOT_MODIFIED,
            content_type: Cow::Borrowed(""),
            body: Body::Static(b""),
            ..self
        }
    }

    /// Closes the connection behind this answer, even if the client asked to keep it.
    pub fn and_close(mut self) -> Self {
        self.is_last = true;
        self
    }

    /// The status that the handler chose.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The content, which an answer to HEAD announces but does not send.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Writes the status line and the fields; `connection` is the value of the Connection field,
    /// if there is to be one.
    pub(super) fn write_head(&self, out: &mut Out, date: &Date, connection: Option<&str>) {
        let mut head = Pieces::before(out);
        head.add(b"HTTP/1.1 ");
        head.add_number(u64::from(self.status.code()));
        head.add(b" ");
        head.add(self.status.reason().as_bytes());
        head.add(b"\r\nDate: ");
        head.add(date.as_bytes());
        head.add(b"\r\n");
        if !self.status.is_bodiless() {
            head.add(b"Content-Length: ");
            head.add_number(self.body.length());
            head.add(b"\r\n");
        }
        if !self.content_type.is_empty() {
            head.add_field("Content-Type", &self.content_type);
        }
        for (name, value) in &self.fields {
            head.add_field(name, value);
        }
        if let Some(connection) = connection {
            head.add_field("Connection", connection);
        }
        head.add(b"\r\n");
        head.pass_on();
    }
}

/// Collects the small pieces of a head in an array on the stack, and appends them to the buffer
/// together. Appending each piece by itself took longer than copying its few bytes.
struct Pieces<'o> {
    bytes: [u8; 256],
    filled: usize,
    out: &'o mut Out,
}

impl<'o> Pieces<'o> {
    fn before(out: &'o mut Out) -> Self {
        Self {
            bytes: [0; 256],
            filled: 0,
            out,
        }
    }

    fn add(&mut self, piece: &[u8]) {
        let end = self.filled + piece.len();
        match self.bytes.get_mut(self.filled..end) {
            Some(room) => {
                room.copy_from_slice(piece);
                self.filled = end;
            }
            None => {
                self.pass_on();
                self.out.extend_from_slice(piece);
            }
        }
    }

    fn add_field(&mut self, name: &str, value: &str) {
        let is_unfit = |byte: u8| byte.is_ascii_control() && byte != b'\t';
        self.add(name.as_bytes());
        self.add(b": ");
        match value.bytes().any(is_unfit) {
            false => self.add(value.as_bytes()),
            true => {
                let spaced = |byte| if is_unfit(byte) { b' ' } else { byte };
                let value: Vec<u8> = value.bytes().map(spaced).collect();
                self.add(&value);
            }
        }
        self.add(b"\r\n");
    }

    /// Adds a number in decimal. Formatting it with `write!` took longer than the rest of the head.
    fn add_number(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.add(&digits[start..]);
    }

    /// Appends the collected pieces to the buffer.
    fn pass_on(&mut self) {
        self.out.extend_from_slice(&self.bytes[..self.filled]);
        self.filled = 0;
    }
}
