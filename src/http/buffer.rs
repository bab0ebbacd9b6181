//! The input of a connection: a queue of octets that is filled at the end and eaten at the front.

/// What an idle connection keeps; a usual request fits.
const INITIAL: usize = 2 * 1024;

/// A growing buffer with a cursor at each end.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    octets: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    /// Room for what comes next: at least one octet. The buffer doubles when it is full, so the
    /// longest unread part decides its size; limits on that part are the caller's.
    pub(super) fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.end == self.octets.len() {
            if self.start > 0 {
                self.octets.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            } else {
                self.octets.resize((self.octets.len() * 2).max(INITIAL), 0);
            }
        }
        &mut self.octets[self.end..]
    }

    /// Takes note that `count` octets of [`Buffer::space`] were filled.
    pub(super) fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.octets.len());
    }

    /// What has arrived and was not consumed.
    pub(super) fn unread(&self) -> &[u8] {
        &self.octets[self.start..self.end]
    }

    /// Drops the first `count` unread octets.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Drops all that is unread.
    pub(super) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Gives memory above `capacity` back, if nothing unread is in it.
    pub(super) fn shrink(&mut self, capacity: usize) {
        if self.start == self.end && self.octets.len() > capacity {
            *self = Self::default();
        }
    }
}
