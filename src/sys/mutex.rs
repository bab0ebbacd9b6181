//! A mutex that several processes share: `pthread_mutex_lock(3)` in shared memory.

use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::time::Duration;

use libc::{pthread_mutex_t, pthread_mutexattr_t};
use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::time::{ClockId, clock_gettime};

// SAFETY: as `pthread_mutex_clocklock(3)` declares it. POSIX 2024 and glibc since 2.30 have it, but
// the libc crate does not.
unsafe extern "C" {
    fn pthread_mutex_clocklock(
        mutex: *mut pthread_mutex_t,
        clock: libc::clockid_t,
        until: *const libc::timespec,
    ) -> libc::c_int;
}

/// What happens to a mutex whose holder dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The next process or thread gets it, and learns that the holder has died
    /// (`pthread_mutexattr_setrobust(3)`).
    Robust,
    /// It stays locked for ever.
    Plain,
}

/// A clock that no process can set.
const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;

/// A mutex for this process and all that it forks, and for the threads of each.
pub struct SharedMutex {
    place: NonNull<pthread_mutex_t>,
}

/// The mutex is held; dropping this releases it. Only the thread that locked a mutex may unlock it,
/// so this cannot be sent to another thread.
pub struct Held<'a> {
    mutex: &'a SharedMutex,
    /// Whether the previous holder died while it held the mutex.
    pub inherited: bool,
    of_this_thread: PhantomData<*const ()>,
}

// SAFETY: what a mutex is for. The pointer leads to memory that lives as long as this does.
unsafe impl Send for SharedMutex {}
// SAFETY: as above; all access goes through the pthread functions.
unsafe impl Sync for SharedMutex {}

impl SharedMutex {
    /// An unlocked mutex, in memory that forked children share.
    ///
    /// # Errors
    /// ENOMEM.
    // ANCHOR: new
    pub fn new(kind: Kind) -> nix::Result<Self> {
        let size = NonZeroUsize::new(size_of::<pthread_mutex_t>());
        let size = size.ok_or(Errno::EINVAL)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let shared = MapFlags::MAP_SHARED;
        // SAFETY: the kernel picks an address where nothing else is.
        let place = unsafe { mmap_anonymous(None, size, access, shared) }?;
        let mutex = Self {
            place: place.cast(),
        };
        // SAFETY: attributes are integers, for which zeroes are a value,
        // and they are initialised before they are used.
        let mut how: pthread_mutexattr_t = unsafe { std::mem::zeroed() };
        // SAFETY: `how` is initialised first and outlives the calls; the
        // mutex is as large as its type, aligned to a page, and no other
        // thread knows of it yet.
        unsafe {
            check(libc::pthread_mutexattr_init(&raw mut how))?;
            let shared = libc::PTHREAD_PROCESS_SHARED;
            check(libc::pthread_mutexattr_setpshared(&raw mut how, shared))?;
            if kind == Kind::Robust {
                let robust = libc::PTHREAD_MUTEX_ROBUST;
                check(libc::pthread_mutexattr_setrobust(&raw mut how, robust))?;
            }
            let mutex = mutex.place.as_ptr();
            check(libc::pthread_mutex_init(mutex, &raw const how))?;
        }
        Ok(mutex)
    }
    // ANCHOR_END: new

    /// Waits for the mutex, at most for `timeout`: then `None`.
    ///
    /// # Errors
    /// None that a valid mutex has.
    // ANCHOR: lock
    pub fn lock(&self, timeout: Duration) -> nix::Result<Option<Held<'_>>> {
        let until = clock_gettime(CLOCK)? + timeout.into();
        let (clock, until) = (CLOCK.as_raw(), until.as_ref());
        let mutex = self.place.as_ptr();
        // SAFETY: the mutex is initialised and lives as long as `self`,
        // and `until` outlives the call.
        let result = unsafe { pthread_mutex_clocklock(mutex, clock, until) };
        let inherited = match check(result) {
            Ok(()) => false,
            Err(Errno::ETIMEDOUT) => return Ok(None),
            Err(Errno::EOWNERDEAD) => {
                // It protects no data, so there is nothing to repair.
                // SAFETY: we hold it, as EOWNERDEAD says.
                check(unsafe { libc::pthread_mutex_consistent(mutex) })?;
                true
            }
            Err(error) => return Err(error),
        };
        Ok(Some(Held {
            mutex: self,
            inherited,
            of_this_thread: PhantomData,
        }))
    }
    // ANCHOR_END: lock
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: the mutex is initialised, and this thread holds it: `Held` cannot leave it.
        unsafe { libc::pthread_mutex_unlock(self.mutex.place.as_ptr()) };
    }
}

impl Drop for SharedMutex {
    fn drop(&mut self) {
        // It is not destroyed, since other processes may use it: the last mapping takes it along.
        // SAFETY: the address and the length are those of the mapping, and no `Held` is left.
        let _ = unsafe { munmap(self.place.cast(), size_of::<pthread_mutex_t>()) };
    }
}

/// The pthread functions return their errors instead of setting `errno`.
fn check(result: libc::c_int) -> nix::Result<()> {
    match result {
        0 => Ok(()),
        error => Err(Errno::from_raw(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;

    const SOON: Duration = Duration::from_millis(10);
    const LATE: Duration = Duration::from_secs(20);

    #[test]
    fn one_thread_at_a_time_holds_it() {
        let mutex = SharedMutex::new(Kind::Robust).unwrap();
        let (inside, turns) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let _held = mutex.lock(LATE).unwrap().unwrap();
                        assert_eq!(inside.fetch_add(1, Relaxed), 0);
                        inside.fetch_sub(1, Relaxed);
                        turns.fetch_add(1, Relaxed);
                    }
                });
            }
        });
        assert_eq!(turns.load(Relaxed), 4000);
    }

    #[test]
    fn a_wait_times_out() {
        let mutex = SharedMutex::new(Kind::Robust).unwrap();
        let _held = mutex.lock(LATE).unwrap().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(mutex.lock(SOON).unwrap().is_none()));
        });
    }

    /// A thread that ends while it holds the mutex stands for a process that is killed: in both
    /// cases the kernel walks the list of mutexes that the thread holds (`get_robust_list(2)`).
    #[test]
    fn a_robust_mutex_survives_its_holder() {
        for kind in [Kind::Robust, Kind::Plain] {
            let mutex = SharedMutex::new(kind).unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| std::mem::forget(mutex.lock(LATE).unwrap().unwrap()));
            });
            let next = mutex.lock(SOON).unwrap();
            let inherited = next.as_ref().map(|held| held.inherited);
            assert_eq!(inherited, (kind == Kind::Robust).then_some(true));
            drop(next);
            if kind == Kind::Robust {
                assert!(!mutex.lock(LATE).unwrap().unwrap().inherited);
            }
        }
    }
}
