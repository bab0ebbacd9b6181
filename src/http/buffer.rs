//! The input of a connection: a queue of bytes that is filled at the end and eaten at the front.

use smallvec::SmallVec;

/// Bytes kept in the connection itself, without an allocation. A usual request fits.
const INLINE: usize = 1024;

/// A growing buffer with a cursor at each end.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: SmallVec<[u8; INLINE]>,
    start: usize,
    end: usize,
}

/// Makes room for `length` bytes of a body: twice what there was, as a `Vec` does by itself, but
/// never more than the `most` that the body may come to.
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
    /// Room for what comes next: at least one byte. The buffer doubles when it is full, so the
    /// longest unread part decides its size; limits on that part are the caller's.
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

    /// Takes note that `count` bytes of [`Buffer::space`] were filled.
    pub(super) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// What has arrived and was not consumed.
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

    /// Drops all that is unread.
    pub(super) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Gives back what was allocated, if nothing unread is in it.
    pub(super) fn shrink(&mut self) {
        if self.start == self.end && self.bytes.spilled() {
            *self = Self::default();
        }
    }
}
