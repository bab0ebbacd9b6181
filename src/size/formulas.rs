//! What queueing theory says in closed form.

/// The mean number of requests in service: arrival rate times service time (Little's law).
pub fn busy(rate_per_s: f64, service_s: f64) -> f64 {
    rate_per_s * service_s
}

/// The share of the requests that have to wait in M/M/c: `busy` requests in service on average, in
/// a pool of `workers`. 1 where the pool is too small.
///
/// By Erlang B, whose recursion neither overflows nor loses digits.
pub fn erlang_c(workers: usize, busy: f64) -> f64 {
    let utilisation = busy / workers as f64;
    if utilisation >= 1.0 {
        return 1.0;
    }
    let mut blocked = 1.0;
    for n in 1..=workers {
        blocked = busy * blocked / (n as f64 + busy * blocked);
    }
    blocked / (1.0 - utilisation * (1.0 - blocked))
}

/// The mean wait for a worker in M/M/c in s; infinite where the pool is too small.
pub fn mean_wait_s(workers: usize, rate_per_s: f64, service_s: f64) -> f64 {
    let busy = busy(rate_per_s, service_s);
    let spare = workers as f64 - busy;
    match spare > 0.0 {
        true => erlang_c(workers, busy) * service_s / spare,
        false => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erlang_c_is_that_of_the_tables() {
        // M/M/1 waits with probability u. The others are from published tables of Erlang C.
        for (workers, busy, expected) in [
            (1, 0.5, 0.5),
            (2, 1.0, 1.0 / 3.0),
            (5, 4.0, 0.5541),
            (10, 8.0, 0.4092),
            (3, 3.0, 1.0),
        ] {
            let seen = erlang_c(workers, busy);
            assert!((seen - expected).abs() < 5e-4, "{workers} {busy}: {seen}");
        }
        assert!(erlang_c(10_000, 9_900.0) < 1.0);
    }

    #[test]
    fn one_worker_waits_as_the_textbook_says() {
        // u S / (1 - u)
        assert!((mean_wait_s(1, 80.0, 0.01) - 0.04).abs() < 1e-12);
        assert_eq!(mean_wait_s(2, 300.0, 0.01), f64::INFINITY);
    }
}
