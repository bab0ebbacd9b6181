//! Memory that several processes share.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::stat::fstat;
use nix::unistd::ftruncate;

/// An array of 64-bit words that this process and all that it forks share, zero at first.
///
/// Words and nothing else, each read and written whole: whatever another process has left there,
/// even one killed in the middle of it, is a value. It has a name and a descriptor
/// (`memfd_create(2)`), so that a process that is no relative can find it in `/proc/PID/fd`.
pub struct SharedWords {
    mapping: Mapping,
    /// Keeps the memory to be found; the mapping itself would live without it.
    descriptor: OwnedFd,
}

/// The words of another process, to be read only.
pub struct ForeignWords {
    mapping: Mapping,
}

struct Mapping {
    start: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: the mapping is owned like a Box of atomics, which may be used from any thread.
unsafe impl Send for Mapping {}
// SAFETY: as above; all access goes through atomics.
unsafe impl Sync for Mapping {}

impl SharedWords {
    /// `words` words, of which only those that are ever written use memory.
    ///
    /// # Errors
    /// ENOMEM, EMFILE, ENFILE; EINVAL if `words` is 0.
    pub fn create(name: &CStr, words: usize) -> nix::Result<Self> {
        let descriptor = memfd_create(name, MFdFlags::MFD_CLOEXEC)?;
        let octets = words * size_of::<AtomicU64>();
        ftruncate(&descriptor, octets.try_into().unwrap_or(i64::MAX))?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        Ok(Self {
            mapping: Mapping::of(&descriptor, words, access)?,
            descriptor,
        })
    }

    /// The same memory in a process that has inherited its descriptor through exec.
    ///
    /// # Errors
    /// EINVAL if it has not as many words; what mmap says if it cannot be mapped.
    pub fn adopt(descriptor: OwnedFd, words: usize) -> nix::Result<Self> {
        // Beyond the end of its file a mapping is only a way to be killed by SIGBUS.
        let octets = fstat(&descriptor)?.st_size;
        if usize::try_from(octets) != Ok(words * size_of::<AtomicU64>()) {
            return Err(Errno::EINVAL);
        }
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        Ok(Self {
            mapping: Mapping::of(&descriptor, words, access)?,
            descriptor,
        })
    }
}

impl AsFd for SharedWords {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Deref for SharedWords {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: the mapping holds that many words, is writable, lives as long as `self`, and
        // zeroes (or whatever has been stored since) are valid for an atomic integer.
        unsafe { std::slice::from_raw_parts(self.mapping.start.as_ptr(), self.mapping.words) }
    }
}

impl ForeignWords {
    /// Maps what `file` refers to, as found in `/proc/PID/fd`.
    ///
    /// # Errors
    /// The file cannot be mapped.
    pub fn open(file: &File) -> io::Result<Self> {
        let words = file.metadata()?.len() / size_of::<AtomicU64>() as u64;
        let words = usize::try_from(words).map_err(io::Error::other)?;
        let mapping = Mapping::of(file, words, ProtFlags::PROT_READ)?;
        Ok(Self { mapping })
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.mapping.words
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The word at `index`; 0 beyond the end.
    pub fn load(&self, index: usize) -> u64 {
        if index >= self.mapping.words {
            return 0;
        }
        // SAFETY: `index` is within the mapping, which lives as long as `self`; an atomic load
        // needs no more than read access.
        unsafe { self.mapping.start.add(index).as_ref() }.load(Relaxed)
    }
}

impl Mapping {
    fn of(descriptor: &impl AsFd, words: usize, access: ProtFlags) -> nix::Result<Self> {
        let octets = NonZeroUsize::new(words * size_of::<AtomicU64>());
        let octets = octets.ok_or(Errno::EINVAL)?;
        // SAFETY: the kernel picks an address where nothing else is mapped.
        let start = unsafe { mmap(None, octets, access, MapFlags::MAP_SHARED, descriptor, 0) }?;
        Ok(Self {
            start: start.cast(),
            words,
        })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `start` and the length are those of the mapping, and nobody can hold a reference
        // into it any more. What munmap could complain about is excluded by that.
        let _ = unsafe { munmap(self.start.cast(), self.words * size_of::<AtomicU64>()) };
    }
}
