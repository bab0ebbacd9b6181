//! `who-balances`: which workers get the connections, under each accept strategy?
//!
//! Clients come one after the other, a connection each. The scoreboard counts the requests of each
//! worker. The kernel counts how often a process slept and was woken (voluntary context switches,
//! `proc_pid_status(5)`): under a herd each connection wakes all of them. Some of these then find
//! nothing at accept, which the scoreboard counts; most find nothing at epoll, and sleep on.

use std::fs;

use crate::bench::server::ServerUnderTest;
use crate::bench::workers::Workers;
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::figures::{Figures, Unit};
use crate::lab::outcome::Observed;
use crate::lab::picture::{Picture, Share};
use crate::lab::problem::Problem;
use crate::load::{self, Amount, Plan, Target};

const US_PER_S: f64 = 1e6;

/// Row, model, and what follows `--accept`.
const STRATEGIES: [(&str, &str, &str); 10] = [
    ("shared", "prefork", "shared"),
    ("flock", "prefork", "flock"),
    ("mutex", "prefork", "mutex"),
    ("pass-first", "prefork", "pass --pick first"),
    ("pass-round-robin", "prefork", "pass --pick round-robin"),
    ("reuseport", "prefork", "reuseport"),
    ("event-herd", "event", "epoll"),
    ("event-exclusive", "event", "exclusive --requeue 0"),
    ("event-requeue", "event", "exclusive"),
    ("event-reuseport", "event", "reuseport"),
];

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let workers = lab.number("workers", context.quick)?;
    let requests = lab.number("requests", context.quick)?;
    let mut observed = Observed::default();
    let mut rows = Vec::new();
    for (index, (name, model, accept)) in STRATEGIES.into_iter().enumerate() {
        let what = format!("{name}: {requests} connections, one after the other");
        context.step_of(&what, index, STRATEGIES.len());
        let command = format!("{model} --workers {workers} --accept {accept}");
        let server = context.start(&command)?;
        context.wait_for_slots(&server, workers)?;
        let counts = share(context, name, &server, requests, &mut observed.figures)?;
        context.stop(name, server)?;
        rows.push(Share {
            name: name.to_owned(),
            remark: counts.iter().max().map_or(String::new(), |most| {
                format!("busiest {most} of {}", counts.iter().sum::<u64>())
            }),
            parts: counts.iter().map(|it| *it as f64).collect(),
        });
    }
    observed.pictures.push(Picture::Shares {
        title: "Connections of each worker, the busiest first".to_owned(),
        rows,
    });
    Ok(observed)
}

fn share(
    context: &Context<'_>,
    name: &str,
    server: &ServerUnderTest,
    requests: usize,
    figures: &mut Figures,
) -> Result<Vec<u64>, Problem> {
    let view = context.scoreboard(server)?;
    let used = || {
        server
            .processes()
            .cpu()
            .map_err(Problem::io("cannot look into /proc"))
    };
    let before = (used()?, switches(server));
    let plan = Plan {
        connections: 1,
        amount: Amount::Requests(requests as u64),
        keep_alive: false,
        ..Plan::new(Target::at(server.address(), "/"))
    };
    let loaded = load::run(&plan, context.watch);
    loaded.map_err(|error| Problem::Other(format!("{name}: {error}")))?;
    context.check()?;
    let cpu = used()?.saturating_sub(before.0);
    let workers = Workers {
        requests: view.counts().iter().map(|it| it.requests).collect(),
    };
    let busiest = workers.most() as f64 / workers.sum().max(1) as f64;
    figures.add(name, "fairness", Unit::Share, workers.fairness());
    figures.add(name, "busiest", Unit::Share, busiest);
    figures.count(
        name,
        "idle",
        workers.requests.iter().filter(|it| **it == 0).count(),
    );
    let awake = switches(server).saturating_sub(before.1);
    figures.count(name, "awake", awake);
    let in_vain: u64 = view.wakes().iter().map(|it| it.in_vain).sum();
    figures.count(name, "in-vain", in_vain as usize);
    let cpu_us = cpu.as_secs_f64() * US_PER_S / requests.max(1) as f64;
    figures.add(name, "cpu", Unit::Microseconds, cpu_us);
    Ok(workers.requests)
}

/// How often all processes of the server have slept and were woken.
fn switches(server: &ServerUnderTest) -> usize {
    let of_process = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let mut lines = status.lines();
        let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count?.trim().parse::<usize>().ok()
    };
    let pids = server.processes().pids().unwrap_or_default();
    pids.iter().filter_map(of_process).sum()
}
