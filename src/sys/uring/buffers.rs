//! Provided buffers: the kernel picks one of them when bytes arrive.
//!
//! ```text
//!   entries   │ 5 │ 0 │ 1 │ … │ 4 │   another ring: this process adds buffers at the tail,
//!                   ▲           ▲     the kernel takes them at the head
//!                  head        tail
//!   buffers   │ 0 │ 1 │ 2 │ 3 │ 4 │ 5 │ …
//! ```
//!
//! See `io_uring_provided_buffers(7)`.

use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering::Release};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// A buffer that a completion has named, and how many bytes in it are filled.
struct Held {
    buffer: u16,
    length: usize,
}

/// All buffers of a ring, in one mapping: the entries, then the buffers.
pub(super) struct Buffers {
    /// `None` once the memory is left to the kernel for good.
    memory: Option<NonNull<u8>>,
    tail: u16,
    held: Option<Held>,
}

/// How many buffers, a power of two. Each is given back as soon as its bytes have been parsed, so
/// this bounds what one turn of the loop can receive, and not the number of connections.
const COUNT: u16 = 256;
const ENTRIES_SIZE: usize = COUNT as usize * size_of::<BufRingEntry>();
const MEMORY_SIZE: NonZeroUsize =
    NonZeroUsize::new(ENTRIES_SIZE + COUNT as usize * Buffers::SIZE).unwrap();

impl Buffers {
    /// The number of this group of buffers.
    pub(super) const GROUP: u16 = 0;
    /// Bytes in each. A usual request fits; a large body takes many.
    pub(super) const SIZE: usize = 4096;

    /// Allocates the buffers and provides all of them to the kernel.
    ///
    /// # Errors
    /// EINVAL before Linux 5.19.
    pub(super) fn register(ring: &IoUring) -> io::Result<Self> {
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel picks an address where nothing else is mapped.
        let memory = unsafe { mmap_anonymous(None, MEMORY_SIZE, access, MapFlags::MAP_PRIVATE) }?;
        let memory = memory.cast::<u8>();
        let mut buffers = Self {
            memory: Some(memory),
            tail: 0,
            held: None,
        };
        let start = memory.as_ptr() as u64;
        // SAFETY: the mapping begins with COUNT entries, aligned to a page, and lives until the
        // ring is gone or, if an operation is in flight then, for ever.
        let registered = unsafe {
            ring.submitter()
                .register_buf_ring_with_flags(start, COUNT, Self::GROUP, 0)
        };
        registered?;
        for buffer in 0..COUNT {
            buffers.provide(buffer);
        }
        Ok(buffers)
    }

    /// A completion names `buffer`, with `length` bytes in it: the kernel does not write to it
    /// until it is given back.
    pub(super) fn hold(&mut self, buffer: u16, length: usize) {
        self.give_back();
        let length = length.min(Self::SIZE);
        self.held = (buffer < COUNT).then_some(Held { buffer, length });
    }

    /// The bytes in the buffer that is held.
    pub(super) fn filled(&self) -> &[u8] {
        let (Some(memory), Some(held)) = (self.memory, &self.held) else {
            return &[];
        };
        // SAFETY: the buffer is within the mapping, as `hold` has checked, and its bytes are
        // zeroes or written by the kernel. The kernel does not write to it before it is given
        // back, and that takes `&mut self`, so no slice is alive then.
        unsafe {
            let start = memory.add(ENTRIES_SIZE + usize::from(held.buffer) * Self::SIZE);
            std::slice::from_raw_parts(start.as_ptr(), held.length)
        }
    }

    /// Provides the held buffer to the kernel again.
    pub(super) fn give_back(&mut self) {
        if let Some(Held { buffer, .. }) = self.held.take() {
            self.provide(buffer);
        }
    }

    /// Never unmaps the memory, since the kernel may still write to it.
    pub(super) fn leak(&mut self) {
        self.memory = None;
    }

    /// Adds a buffer at the tail. The tail is stored last (`Release`), so that the kernel never
    /// sees a half-written entry; it reads the tail by itself, without a system call.
    // ANCHOR: provide
    fn provide(&mut self, buffer: u16) {
        let Some(memory) = self.memory else { return };
        let entries = memory.as_ptr().cast::<BufRingEntry>();
        // SAFETY: the mapping has COUNT entries and as many buffers. The
        // kernel reads no entry behind the tail, and never has more than
        // COUNT, since each buffer is provided once at a time.
        unsafe {
            let place = usize::from(self.tail % COUNT);
            let offset = ENTRIES_SIZE + usize::from(buffer) * Self::SIZE;
            let entry = &mut *entries.add(place);
            entry.set_addr(memory.add(offset).as_ptr() as u64);
            entry.set_len(Self::SIZE as u32);
            entry.set_bid(buffer);
            self.tail = self.tail.wrapping_add(1);
            let tail = BufRingEntry::tail(entries).cast_mut();
            AtomicU16::from_ptr(tail).store(self.tail, Release);
        }
    }
    // ANCHOR_END: provide
}

impl Drop for Buffers {
    fn drop(&mut self) {
        if let Some(memory) = self.memory {
            // SAFETY: it was mapped with this size and is unmapped once. The ring is gone and
            // nothing was in flight in it, so the kernel has no use for it.
            let _ = unsafe { munmap(memory.cast(), MEMORY_SIZE.get()) };
        }
    }
}
