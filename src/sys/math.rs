//! `pow(3)`, the one function that would make this program load a shared libm.

/// `pow(3)`, called by the progress bar's estimate of the remaining time.
///
/// A shared library is five more mappings in every process. Each fork copies them and each exit
/// removes them, at about a microsecond for each mapping (chapter 3). The linker finds this
/// definition before the library's, so no process loads the library.
// SAFETY: the name and the signature are those of pow(3) in C, so every caller of that name gets
// what it expects.
#[unsafe(no_mangle)]
extern "C" fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}
