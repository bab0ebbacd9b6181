//! Memory that several processes share.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, mmap_anonymous, munmap};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::stat::fstat;
use nix::unistd::ftruncate;

/// An array of 64-bit words that this process and all that it forks share, zero at first.
///
/// Each word is read and written whole. So every word is a valid value, even after a process was
/// killed in the middle of an update. The memory has a name and a descriptor (`memfd_create(2)`),
/// so that an unrelated process can find it in `/proc/PID/fd`. It has neither where the limit on
/// the size of files (RLIMIT_FSIZE) forbids it.
pub struct SharedWords {
    mapping: Mapping,
    /// Keeps the memory visible in `/proc`; the mapping itself would live without it.
    descriptor: Option<OwnedFd>,
}

/// [`SharedWords`] that a process shares with one other process, and not with its children.
pub struct PrivateWords {
    mapping: Mapping,
}

/// The words of another process, read-only.
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
        match Self::with_name(name, words) {
            Err(Errno::EFBIG) => Self::without_name(words),
            created => created,
        }
    }

    fn with_name(name: &CStr, words: usize) -> nix::Result<Self> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let descriptor = memfd_create(name, flags)?;
        let bytes = words * size_of::<AtomicU64>();
        within_file_limit(|| ftruncate(&descriptor, bytes.try_into().unwrap_or(i64::MAX)))?;
        // A process that shares the memory could cut it short, and the next access of any other
        // would be a SIGBUS. Sealed, its size is final (`fcntl(2)`, F_ADD_SEALS).
        let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
        fcntl(&descriptor, FcntlArg::F_ADD_SEALS(seals))?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        Ok(Self {
            mapping: Mapping::of(&descriptor, words, access)?,
            descriptor: Some(descriptor),
        })
    }

    /// Memory that is no file, so that no limit on files holds for it.
    fn without_name(words: usize) -> nix::Result<Self> {
        let length = NonZeroUsize::new(words * size_of::<AtomicU64>());
        let length = length.ok_or(Errno::EINVAL)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel picks an address where nothing else is mapped.
        let start = unsafe { mmap_anonymous(None, length, access, MapFlags::MAP_SHARED) }?;
        let start = start.cast();
        Ok(Self {
            mapping: Mapping { start, words },
            descriptor: None,
        })
    }

    /// The same memory in a process that has inherited its descriptor through exec.
    ///
    /// # Errors
    /// EINVAL if it has another number of words; the error of mmap if it cannot be mapped.
    pub fn adopt(descriptor: OwnedFd, words: usize) -> nix::Result<Self> {
        // Access to a mapping beyond the end of its file is a SIGBUS.
        let bytes = fstat(&descriptor)?.st_size;
        if usize::try_from(bytes) != Ok(words * size_of::<AtomicU64>()) {
            return Err(Errno::EINVAL);
        }
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        Ok(Self {
            mapping: Mapping::of(&descriptor, words, access)?,
            descriptor: Some(descriptor),
        })
    }

    /// Whether an unrelated process can find it.
    pub fn has_name(&self) -> bool {
        self.descriptor.is_some()
    }
}

impl SharedWords {
    /// The same words, which children that are forked from now on do not have (MADV_DONTFORK in
    /// `madvise(2)`). The descriptor, by which they could map them, is to be closed before.
    ///
    /// # Errors
    /// EFBIG: it has no descriptor.
    pub fn without_children(self) -> nix::Result<(PrivateWords, OwnedFd)> {
        let Self {
            mapping,
            descriptor,
        } = self;
        let descriptor = descriptor.ok_or(Errno::EFBIG)?;
        let length = mapping.words * size_of::<AtomicU64>();
        // SAFETY: the range is the whole mapping, and the advice changes nothing in this process.
        // In a child, in which the memory is missing, no code uses it.
        unsafe { madvise(mapping.start.cast(), length, MmapAdvise::MADV_DONTFORK) }?;
        Ok((PrivateWords { mapping }, descriptor))
    }
}

impl Deref for SharedWords {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        self.mapping.writable()
    }
}

impl Deref for PrivateWords {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        self.mapping.writable()
    }
}

impl ForeignWords {
    /// Maps the memory that `file`, an entry of `/proc/PID/fd`, refers to.
    ///
    /// # Errors
    /// The file cannot be mapped.
    pub fn open(file: &File) -> io::Result<Self> {
        let words = file.metadata()?.len() / size_of::<AtomicU64>() as u64;
        let words = usize::try_from(words).map_err(io::Error::other)?;
        let mapping = Mapping::of(file, words, ProtFlags::PROT_READ)?;
        Ok(Self { mapping })
    }

    /// The number of words.
    pub fn len(&self) -> usize {
        self.mapping.words
    }

    /// Whether the memory has no word at all.
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

/// Runs `work` under the highest limit on the size of files that is allowed: memory with a
/// descriptor counts as a file. Root may lift even the hard limit, and puts it back.
fn within_file_limit(work: impl FnOnce() -> nix::Result<()>) -> nix::Result<()> {
    let limit = Resource::RLIMIT_FSIZE;
    let (soft, hard) = getrlimit(limit)?;
    if setrlimit(limit, RLIM_INFINITY, RLIM_INFINITY).is_err() {
        setrlimit(limit, hard, hard)?;
    }
    let done = work();
    setrlimit(limit, soft, hard)?;
    done
}

impl Mapping {
    /// The words of a mapping that was made writable.
    fn writable(&self) -> &[AtomicU64] {
        // SAFETY: the mapping holds that many words, is writable and lives as long as `self`; every
        // bit pattern is valid for an atomic integer.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.words) }
    }

    fn of(descriptor: &impl AsFd, words: usize, access: ProtFlags) -> nix::Result<Self> {
        let length = NonZeroUsize::new(words * size_of::<AtomicU64>());
        let length = length.ok_or(Errno::EINVAL)?;
        // SAFETY: the kernel picks an address where nothing else is mapped.
        let start = unsafe { mmap(None, length, access, MapFlags::MAP_SHARED, descriptor, 0) }?;
        Ok(Self {
            start: start.cast(),
            words,
        })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `start` and the length are those of the mapping, and no reference into it is
        // left. So munmap has no reason to fail.
        let _ = unsafe { munmap(self.start.cast(), self.words * size_of::<AtomicU64>()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker that cuts the memory short would have its master killed by SIGBUS.
    #[test]
    fn the_size_is_final() {
        let words = SharedWords::create(c"test", 1024).unwrap();
        for size in [0, 8, 1 << 20] {
            let descriptor = words.descriptor.as_ref().unwrap();
            assert_eq!(ftruncate(descriptor, size), Err(Errno::EPERM), "{size}");
        }
        words[1023].store(7, Relaxed);
    }

    #[test]
    fn memory_without_a_name_is_zero_and_has_all_words() {
        let words = SharedWords::without_name(1024).unwrap();
        assert!(words.len() == 1024 && words.iter().all(|word| word.load(Relaxed) == 0));
        words[1023].store(7, Relaxed);
        assert!(!words.has_name());
        assert_eq!(words.without_children().err(), Some(Errno::EFBIG));
    }
}
