//! The functions of libm that this program calls, so that it needs no shared libm.
//!
//! A shared library is five more mappings in every process. Each fork copies them and each exit
//! removes them, at about a microsecond for each mapping (chapter 3). The linker finds these
//! definitions before the library's, so no process loads the library.

/// `pow(3)`, called by the progress bar's estimate of the remaining time.
// SAFETY: the name and the signature are those of pow(3) in C, so every caller of that name gets
// what it expects.
#[unsafe(no_mangle)]
extern "C" fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}

/// `log(3)`, called by the plots' logarithmic axes.
// SAFETY: the name and the signature are those of log(3) in C.
#[unsafe(no_mangle)]
extern "C" fn log(value: f64) -> f64 {
    libm::log(value)
}

/// `log10(3)`, called for the ticks of the plots' axes.
// SAFETY: the name and the signature are those of log10(3) in C.
#[unsafe(no_mangle)]
extern "C" fn log10(value: f64) -> f64 {
    libm::log10(value)
}

/// `log2(3)`, called where a histogram is walked through by its percentiles.
// SAFETY: the name and the signature are those of log2(3) in C.
#[unsafe(no_mangle)]
extern "C" fn log2(value: f64) -> f64 {
    libm::log2(value)
}
