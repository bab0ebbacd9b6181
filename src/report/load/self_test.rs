//! The generator's own measurement, as a server saw it.

use serde::Serialize;

use super::text;
use crate::load::SelfTest;
use crate::report::grid::Grid;
use crate::report::wrap::wrapped;

const EXPLANATION: &str = "gap p50 and p99: by how much the gaps between arrivals at the server \
     differ from the planned gap; doubled: gaps below a quarter of it; lag: from the intended \
     send to the moment at which the generator saw it due; CPU: of the generator, for a request";

/// On a narrow terminal the medians go first, then CPU, the doubled gaps and what was sent.
const EXPENDABLE: [usize; 5] = [2, 4, 7, 6, 1];

/// A row for each rate, in lines of this width.
pub fn self_test_table(tests: &[SelfTest], width: usize) -> String {
    let heads = [
        "requests/s",
        "sent",
        "lag p50",
        "lag p99",
        "gap p50",
        "gap p99",
        "doubled",
        "CPU",
    ];
    let grid = Grid::new(vec![heads.map(str::to_owned).to_vec()]);
    let mut grid = grid.expending(&EXPENDABLE).dense();
    for test in tests {
        let lag = &test.outcome.timer_lag;
        grid.push(vec![
            text::rate(test.rate),
            format!("{:.1} %", test.outcome.achieved_share() * 100.0),
            text::time(lag.value_at_quantile(0.5)),
            text::time(lag.value_at_quantile(0.99)),
            text::time(test.gap_error_ns(0.5)),
            text::time(test.gap_error_ns(0.99)),
            format!("{:.1} %", test.doubled_share * 100.0),
            text::time(cpu_ns(test)),
        ]);
    }
    format!("{}{}", grid.text(width), wrapped(EXPLANATION, width))
}

/// Processor time of the generator for each request that it sent.
fn cpu_ns(test: &SelfTest) -> u64 {
    test.outcome.cpu.as_nanos() as u64 / test.outcome.attempted.max(1)
}

/// A self-test for programs.
#[derive(Serialize)]
pub struct SelfTestJson {
    schema: u32,
    rates: Vec<Rate>,
}

#[derive(Serialize)]
struct Rate {
    rate_per_s: f64,
    planned: u64,
    attempted: u64,
    timer_lag_p50_us: f64,
    timer_lag_p99_us: f64,
    gap_error_p50_us: f64,
    gap_error_p99_us: f64,
    doubled_share: f64,
    generator_cpu_us_per_request: f64,
}

/// The rates as one JSON object.
pub fn self_test_json(tests: &[SelfTest]) -> SelfTestJson {
    let us = |ns: u64| ns as f64 / 1000.0;
    let rates = tests.iter().map(|test| Rate {
        rate_per_s: test.rate,
        planned: test.outcome.planned,
        attempted: test.outcome.attempted,
        timer_lag_p50_us: us(test.outcome.timer_lag.value_at_quantile(0.5)),
        timer_lag_p99_us: us(test.outcome.timer_lag.value_at_quantile(0.99)),
        gap_error_p50_us: us(test.gap_error_ns(0.5)),
        gap_error_p99_us: us(test.gap_error_ns(0.99)),
        doubled_share: test.doubled_share,
        generator_cpu_us_per_request: us(cpu_ns(test)),
    });
    SelfTestJson {
        schema: super::SCHEMA,
        rates: rates.collect(),
    }
}
