//! Sizing: a simulated pool, whose size is a rule of thumb. No clock runs.

use std::io;

// ANCHOR: run
const RATE_PER_S: f64 = 100.0;
const SERVICE_S: f64 = 0.05;
const REQUESTS: usize = 100_000;

pub(crate) fn run() -> io::Result<()> {
    let workers = (RATE_PER_S * SERVICE_S / 0.7).ceil() as usize;
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
        let worker = random.usize(..workers);
        let begin = now.max(free_at[worker]);
        free_at[worker] = begin + SERVICE_S;
        times.push(free_at[worker] - now);
    }
    times.sort_by(f64::total_cmp);
    times[REQUESTS * 99 / 100]
}
// ANCHOR_END: run
