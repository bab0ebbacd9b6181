//! The parcels that the kernel has.

use super::operation::Parcel;

/// By key: parcels that are in the kernel's hands from submission to completion. Pointers, because
/// a `Box` must not be moved while the kernel uses its content. Those that never come back leak, as
/// raw pointers do.
pub(super) struct Lent<P> {
    parcels: Vec<*mut P>,
}

impl<P: Parcel> Lent<P> {
    pub(super) fn new() -> Self {
        Self {
            parcels: Vec::new(),
        }
    }

    /// Lends the parcel to the kernel.
    // ANCHOR: lend
    pub(super) fn lend(&mut self, key: usize, parcel: Box<P>) -> *mut P {
        if self.parcels.len() <= key {
            self.parcels.resize(key + 1, std::ptr::null_mut());
        }
        let place = &mut self.parcels[key];
        assert!(place.is_null(), "one parcel per key is in flight");
        *place = Box::into_raw(parcel);
        *place
    }

    /// The kernel needs the parcel no more.
    pub(super) fn bring_back(&mut self, key: usize) -> Option<Box<P>> {
        let place = self.parcels.get_mut(key)?;
        let parcel = std::mem::replace(place, std::ptr::null_mut());
        // SAFETY: the pointer came out of a box in `lend`, and the null
        // that takes its place keeps it from becoming a box twice.
        (!parcel.is_null()).then(|| unsafe { Box::from_raw(parcel) })
    }
    // ANCHOR_END: lend
}
