//! `forked-before`: were the processes that answer there before the first request?
//!
//! A process that answers says its ID (`/pid`). The IDs of the server's processes were noted before
//! any client came, so each answer comes from a process that was made before or for the request.
//! No clock is involved. The times of the requests are figures, and decide nothing.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::bench::server::ServerUnderTest;
use crate::lab::client;
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::figures::{Figures, Unit};
use crate::lab::outcome::Observed;
use crate::lab::problem::Problem;

const US_PER_S: f64 = 1e6;

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let workers = lab.number("workers", context.quick)?;
    let rounds = lab.number("rounds", context.quick)?;
    let asked = lab.number("requests", context.quick)?;
    let pool = format!("prefork --workers {workers}");
    let servers = [
        ("iterative", "iterative"),
        ("fork", "fork"),
        ("prefork", &pool),
    ];
    let mut observed = Observed::default();
    for round in 0..rounds {
        for (index, (name, command)) in servers.iter().enumerate() {
            let done = round * servers.len() + index;
            context.step_of(
                &format!("{name}: {asked} requests"),
                done,
                rounds * servers.len(),
            );
            let server = context.start(command)?;
            if *name == "prefork" {
                context.wait_for_slots(&server, workers)?;
            }
            watch(name, &server, asked, &mut observed.figures)
                .map_err(Problem::io(format!("cannot ask {name}")))?;
            context.stop(name, server)?;
        }
    }
    Ok(observed)
}

fn watch(
    name: &str,
    server: &ServerUnderTest,
    asked: usize,
    figures: &mut Figures,
) -> std::io::Result<()> {
    let before: BTreeSet<u32> = server.processes().pids()?.into_iter().collect();
    let cpu_before = server.processes().cpu()?;
    let mut answering = BTreeSet::new();
    let mut times_us = Vec::with_capacity(asked);
    for _ in 0..asked {
        let begun = Instant::now();
        let answer = client::ask(server.address(), "/pid")?;
        times_us.push(begun.elapsed().as_secs_f64() * US_PER_S);
        let pid = answer
            .split_whitespace()
            .next()
            .and_then(|it| it.parse::<u32>().ok());
        answering.extend(pid);
    }
    let cpu = server.processes().cpu()?.saturating_sub(cpu_before);
    let older = answering.intersection(&before).count();
    figures.count(name, "processes", answering.len());
    figures.count(name, "made-before", older);
    figures.add(name, "first", Unit::Microseconds, times_us.first().copied());
    let first = times_us.len().min(1);
    let mut later = times_us.split_off(first);
    later.sort_unstable_by(f64::total_cmp);
    let median = later.get(later.len() / 2).copied();
    figures.add(name, "later", Unit::Microseconds, median);
    let cpu_us = cpu.as_secs_f64() * US_PER_S / asked.max(1) as f64;
    figures.add(name, "cpu", Unit::Microseconds, cpu_us);
    Ok(())
}
