//! One queue for all workers, and as many workers as the objective needs.

use std::io;

// ANCHOR: run
const RATE_PER_S: f64 = 100.0;
const SERVICE_S: f64 = 0.05;
const REQUESTS: usize = 100_000;

pub(crate) fn run() -> io::Result<()> {
    let mut workers = 1;
    while p99(workers) > 0.12 {
        workers += 1;
    }
    let p99_ms = p99(workers) * 1e3;
    println!("{workers} workers: p99 {p99_ms:.0} ms");
    Ok(())
}

/// The response time in s that 99 of 100 requests keep.
fn p99(workers: usize) -> f64 {
    let mut random = fastrand::Rng::with_seed(1);
    let mut now = 0.0_f64;
    // When each worker will have answered all that waits for it.
    let mut free_at = vec![0.0; workers];
    let mut times = Vec::new();
    for _ in 0..REQUESTS {
        // The next request comes at a random moment.
        now -= (1.0 - random.f64()).ln() / RATE_PER_S;
        // The queue is common: its first request goes to the worker that is free first.
        let mut worker = 0;
        for other in 1..workers {
            if free_at[other] < free_at[worker] {
                worker = other;
            }
        }
        let begin = now.max(free_at[worker]);
        free_at[worker] = begin + SERVICE_S;
        times.push(free_at[worker] - now);
    }
    times.sort_by(f64::total_cmp);
    times[REQUESTS * 99 / 100]
}
// ANCHOR_END: run
