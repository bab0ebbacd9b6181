//! The input of a connection: a queue of bytes, filled at the end and consumed from the front.

use smallvec::SmallVec;

/// Bytes that the connection holds without an allocation. A usual request fits.
const INLINE: usize = 1024;

/// A growing buffer; the bytes from `start` to `end` have arrived and were not consumed.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: SmallVec<[u8; INLINE]>,
    start: usize,
    end: usize,
}

/// Makes room for `length` bytes of a body. The capacity doubles, as a `Vec` does by itself, but
/// never exceeds `most`, the largest size that this body can reach.
pub(super) fn make_room(body: &mut Vec<u8>, length: usize, most: u64) {
    if length > body.capacity() {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let capacity = length.max(body.capacity().saturating_mul(2).min(most));
        body.reserve_exact(capacity - body.len());
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self {
            bytes: SmallVec::from([0; INLINE]),
            start: 0,
            end: 0,
        }
    }
}

impl Buffer {
    /// Room for the next bytes: at least one. A full buffer doubles, so the longest unread part
    /// decides its size; the caller limits that part.
    pub(super) fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.end == self.bytes.len() {
            if self.start > 0 {
                self.bytes.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.bytes.resize(self.bytes.len() * 2, 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// Records that the caller has filled `count` bytes of [`Buffer::space`].
    pub(super) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// The bytes that have arrived and were not consumed.
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Drops the first `count` unread bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(super) fn on_heap(&self) -> usize {
        if self.bytes.spilled() {
            self.bytes.capacity()
        } else {
            0
        }
    }

    /// Drops all unread bytes.
    pub(super) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Frees the allocation, if no unread byte is in it.
    pub(super) fn shrink(&mut self) {
        if self.start == self.end && self.bytes.spilled() {
            *self = Self::default();
        }
    }
}
