//! `servers load --self-test`: the generator, measured by a server that only notes arrivals.

use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::arguments::Args;
use super::width;
use crate::cli::print;
use crate::load::{Plan, Watch, self_test};
use crate::report::load as report;

/// From a rate that any timer keeps to one near the limit of a processor.
const RATES: [f64; 3] = [1_000.0, 10_000.0, 50_000.0];
/// Time at each rate, unless --duration says otherwise.
const TIME_DEFAULT: Duration = Duration::from_secs(2);

pub(super) fn execute(args: &Args, watch: &Watch) -> anyhow::Result<ExitCode> {
    let duration = args.duration.unwrap_or(TIME_DEFAULT);
    let rates = args.rate.map_or(RATES.to_vec(), |rate| vec![rate]);
    let mut seen = Vec::new();
    for rate in rates {
        let base = |plan| Plan {
            connections: args.connections as usize,
            threads: args.threads.into(),
            warm_up: args.warmup.unwrap_or_default(),
            spin: args.spin,
            timer_slack: args.timer_slack,
            cpus: args.cpus.clone(),
            ..plan
        };
        seen.push(self_test(rate, duration, base, watch)?);
        if watch.stop.load(Relaxed) {
            break;
        }
    }
    let text = match args.json {
        true => serde_json::to_string_pretty(&report::self_test_json(&seen))? + "\n",
        false => report::self_test_table(&seen, width()),
    };
    print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
