//! The one function that would bind this program to a shared libm.

/// `pow(3)`, which the progress bar's estimate of the remaining time calls.
///
/// A shared library is five more mappings in every process, to be copied by each fork and torn
/// down by each exit, about a microsecond for each (chapter 3). This definition is found before
/// the library's and saves them to all forked children.
// SAFETY: the name and the signature are those of pow(3) in C, so whoever calls it by that name
// gets what it expects.
#[unsafe(no_mangle)]
extern "C" fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}
