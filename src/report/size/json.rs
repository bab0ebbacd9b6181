//! The answer of `servers size` for programs.

use serde::Serialize;

use super::{ASSUMPTIONS, Advice, Check, Need};
use crate::size::{Estimate, Rule};

/// The version of the object's meaning.
const SCHEMA: u32 = 1;

/// What `servers size --json` prints. Names end in their units.
#[derive(Serialize)]
pub struct AdviceJson<'a> {
    schema: u32,
    rate_per_s: f64,
    expectation: &'a str,
    service_mean_ms: f64,
    service_source: &'a str,
    machine_cores: usize,
    machine_kib: u64,
    needs: Vec<NeedJson<'a>>,
    assumptions: [&'static str; ASSUMPTIONS.len()],
    checks: &'a [Check],
    pools: Vec<PoolJson>,
}

#[derive(Serialize)]
struct PoolJson {
    workers: usize,
    /// Utilisation and p99.
    p99_ms: Vec<(f64, f64)>,
}

#[derive(Serialize)]
struct NeedJson<'a> {
    model: &'a str,
    queue: &'static str,
    cpu_us_per_request: f64,
    refused: Option<String>,
    workers: Option<usize>,
    copies: Option<usize>,
    busy: Option<f64>,
    cores: Option<usize>,
    memory_kib: Option<f64>,
    machines: Option<u64>,
    p50_ms: Option<[f64; 2]>,
    p99_ms: Option<[f64; 2]>,
}

/// The answer as one object. A time is its mean over the runs and half of its 95 % interval.
pub fn json(advice: &Advice) -> AdviceJson<'_> {
    AdviceJson {
        schema: SCHEMA,
        rate_per_s: advice.rate_per_s,
        expectation: &advice.expectation,
        service_mean_ms: advice.service_s * 1e3,
        service_source: &advice.source,
        machine_cores: advice.machine.0,
        machine_kib: advice.machine.1,
        needs: advice.needs.iter().map(|it| need(it, advice)).collect(),
        assumptions: ASSUMPTIONS,
        checks: &advice.checks,
        pools: advice
            .pools
            .iter()
            .map(|pool| PoolJson {
                workers: pool.workers,
                p99_ms: pool.p99_s.iter().map(|&(u, s)| (u, s * 1e3)).collect(),
            })
            .collect(),
    }
}

fn need<'a>(need: &'a Need, advice: &Advice) -> NeedJson<'a> {
    let size = need.size.as_ref().ok();
    let ms = |it: Estimate| [it.mean * 1e3, it.half_width * 1e3];
    NeedJson {
        model: &need.name,
        queue: match need.rule {
            Rule::OneQueue => "one",
            Rule::QueueEach => "each",
            Rule::NoQueue => "none",
        },
        cpu_us_per_request: need.cpu_s * 1e6,
        refused: need.size.as_ref().err().map(ToString::to_string),
        workers: size.map(Need::workers),
        copies: size.map(|it| it.copies),
        busy: size.map(|it| it.busy),
        cores: size.map(|it| it.cores),
        memory_kib: size.and_then(|it| need.memory_kib(it)),
        machines: size.map(|it| need.machines(it, advice.machine)),
        p50_ms: size.map(|it| ms(it.prediction.p50_s)),
        p99_ms: size.map(|it| ms(it.prediction.p99_s)),
    }
}
