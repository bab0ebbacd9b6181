//! A load run from a program: 16 connections, each with one request in flight, for two seconds.
//!
//! ```console
//! $ servers run epoll &
//! $ cargo run --example load_run -- http://127.0.0.1:8080/
//! ```

use std::time::Duration;

use servers::load::{Amount, Plan, Watch, run};

fn main() -> anyhow::Result<()> {
    let url = std::env::args()
        .nth(1)
        .unwrap_or("http://127.0.0.1:8080/".to_owned());
    let plan = Plan {
        connections: 16,
        amount: Amount::Duration(Duration::from_secs(2)),
        ..Plan::new(url.parse()?)
    };
    let outcome = run(&plan, &Watch::default())?;
    println!(
        "{:.0} requests/s, {} failed",
        outcome.requests_per_s(),
        outcome.errors.total()
    );
    let p99_us = outcome.latency.value_at_quantile(0.99) / 1000;
    println!("99 % of the answers came within {p99_us} µs");
    Ok(())
}
