//! The figures of a window that the bench has measured. Pure.

use super::figures::Unit;
use crate::bench::results::Measurement;

/// What a lab's file may name of all that the bench measures.
pub struct WindowFigure {
    /// Its name in a lab's file.
    pub name: &'static str,
    /// That of all its values.
    pub unit: Unit,
    /// From what the bench has measured.
    pub(super) of: fn(&Measurement) -> Option<f64>,
}

const KIB_PER_MIB: f64 = 1024.0;
const US_PER_MS: f64 = 1000.0;

/// What `figures = […]` can name.
pub const FIGURES: &[WindowFigure] = &[
    // Answered requests per second.
    WindowFigure::new("rate", Unit::PerSecond, |it| Some(it.requests_per_s)),
    // User and system time of the whole server for each answered request.
    WindowFigure::new("cpu", Unit::Microseconds, |it| it.server.cpu_us_per_request),
    // Peak of the proportional set size of the whole server.
    WindowFigure::new("memory", Unit::Mebibytes, |it| {
        Some(it.server.peak_pss_kib as f64 / KIB_PER_MIB)
    }),
    WindowFigure::new("p50", Unit::Milliseconds, |it| {
        Some(it.latency.p50_us? / US_PER_MS)
    }),
    WindowFigure::new("p99", Unit::Milliseconds, |it| {
        Some(it.latency.p99_us? / US_PER_MS)
    }),
    WindowFigure::new("answered", Unit::Count, |it| Some(it.requests as f64)),
    WindowFigure::new("errors", Unit::Count, |it| Some(it.errors.total() as f64)),
    // Connections that never got an answer.
    WindowFigure::new("starved", Unit::Count, |it| Some(it.never_answered as f64)),
    WindowFigure::new("processes", Unit::Count, |it| {
        Some(it.server.peak_processes as f64)
    }),
    WindowFigure::new("threads", Unit::Count, |it| {
        Some(it.server.peak_threads as f64)
    }),
    // Jain's index over the workers: 1 where all answered alike, 1/n where one of n answered all.
    WindowFigure::new("fairness", Unit::Share, |it| {
        it.workers.as_ref()?.fairness()
    }),
    WindowFigure::new("least", Unit::Count, |it| {
        Some(it.workers.as_ref()?.least() as f64)
    }),
    WindowFigure::new("most", Unit::Count, |it| {
        Some(it.workers.as_ref()?.most() as f64)
    }),
];

impl WindowFigure {
    const fn new(
        name: &'static str,
        unit: Unit,
        of: fn(&Measurement) -> Option<f64>,
    ) -> WindowFigure {
        WindowFigure { name, unit, of }
    }
}
