//! The content of a response while it is being sent.

use std::fs::File;

use super::response::{Body, Out};

/// The next part of a response to send.
#[derive(Debug)]
pub enum Unsent<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// `length` bytes of a file from `offset` on; the kernel can send them without a copy through
    /// this process (`sendfile(2)`, `splice(2)`).
    File {
        /// Open for reading.
        file: &'a File,
        /// Position of the first byte to send.
        offset: u64,
        /// Bytes left to send.
        length: u64,
    },
}

/// A body and how many bytes of it have been sent.
#[derive(Debug)]
pub(super) struct Content {
    body: Body,
    sent: u64,
}

impl Content {
    pub(super) fn new(body: Body) -> Self {
        Self { body, sent: 0 }
    }

    /// Appends the whole body to `out` if it is in memory and at most `limit` long, so that head
    /// and content leave in one write; otherwise returns the content to send later.
    pub(super) fn inline(self, out: &mut Out, limit: usize) -> Option<Self> {
        match &self.body {
            Body::Static(bytes) if bytes.len() <= limit => out.extend_from_slice(bytes),
            Body::Owned(bytes) if bytes.len() <= limit => out.extend_from_slice(bytes),
            Body::Repeated { pattern, length } if *length <= limit as u64 => {
                out.extend(
                    pattern
                        .iter()
                        .copied()
                        .cycle()
                        .take(usize::try_from(*length).unwrap_or(0)),
                );
            }
            _ if self.body.length() == 0 => {}
            _ => return Some(self),
        }
        None
    }

    /// The next bytes to send; never empty before [`Content::is_done`].
    pub(super) fn unsent(&self) -> Unsent<'_> {
        // A body in memory is never longer than memory, so its cursor fits a usize.
        let at = usize::try_from(self.sent).unwrap_or(usize::MAX);
        match &self.body {
            Body::Static(bytes) => Unsent::Bytes(bytes.get(at..).unwrap_or_default()),
            Body::Owned(bytes) => Unsent::Bytes(bytes.get(at..).unwrap_or_default()),
            Body::Repeated { pattern, length } => {
                let phase = at % pattern.len();
                let left = usize::try_from(length - self.sent).unwrap_or(usize::MAX);
                Unsent::Bytes(&pattern[phase..(phase.saturating_add(left)).min(pattern.len())])
            }
            Body::File {
                file,
                offset,
                length,
            } => Unsent::File {
                file,
                offset: offset + self.sent,
                length: length - self.sent,
            },
        }
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.sent = (self.sent + count as u64).min(self.body.length());
    }

    pub(super) fn is_done(&self) -> bool {
        self.sent == self.body.length()
    }
}
