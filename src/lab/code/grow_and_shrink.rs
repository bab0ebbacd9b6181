//! `grow-and-shrink`: does the number of workers follow the number of clients?
//!
//! Three pools see the same clients at the same time: they connect and stay, then they leave. A
//! client that stays holds its worker. The scoreboard says how many workers there are, and what the
//! master has decided (its target). Nothing is judged by the time that it took.

use std::time::{Duration, Instant};

use crate::bench::server::ServerUnderTest;
use crate::lab::client::Client;
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::figures::Figures;
use crate::lab::outcome::Observed;
use crate::lab::picture::{Picture, Series};
use crate::lab::problem::Problem;
use crate::scoreboard::{State, View};

/// How often the scoreboards are read.
const SAMPLE_EVERY: Duration = Duration::from_millis(20);
/// Before the clients come, and before a phase is over.
const QUIET: Duration = Duration::from_millis(500);
/// A pool that has not followed by then never will.
const PHASE_MAX: Duration = Duration::from_secs(30);
/// A pool that grows may have so many workers for each client.
const MOST_TIMES: usize = 4;
/// The clients are asked for nothing, and must not be cut off for that.
const PATIENT: &str = "--head-timeout 120s";

/// One pool and what was seen of it.
struct Pool {
    name: &'static str,
    server: ServerUnderTest,
    view: View,
    /// Seconds since the start, and the number of workers then.
    sizes: Vec<(f64, f64)>,
    /// The master's targets, each as long as it stayed, without the time.
    targets: Vec<u64>,
}

impl Pool {
    fn look(&mut self, at_s: f64) {
        let records = self.view.records();
        let size = records.iter().filter(|it| it.state != State::Empty).count();
        self.sizes.push((at_s, size as f64));
        let target = self.view.pool().target;
        if self.targets.last() != Some(&target) {
            self.targets.push(target);
        }
    }

    fn size(&self) -> usize {
        self.sizes.last().map_or(0, |it| it.1 as usize)
    }

    /// Clients that have a worker.
    fn held(&self) -> usize {
        let records = self.view.records();
        records.iter().map(|it| it.open as usize).sum()
    }
}

/// The numbers of the lab's file.
struct Numbers {
    clients: usize,
    min_spare: usize,
    max_spare: usize,
    /// Workers by which the dynamic pool has to shrink before the lab ends.
    shrink_by: usize,
}

impl Numbers {
    fn of(lab: &Definition, quick: bool) -> Result<Numbers, Problem> {
        Ok(Numbers {
            clients: lab.number("clients", quick)?,
            min_spare: lab.number("min-spare", quick)?,
            max_spare: lab.number("max-spare", quick)?,
            shrink_by: lab.number("shrink-by", quick)?,
        })
    }

    /// Each pool with its options, and the size that it begins with.
    fn pools(&self) -> [(&'static str, String, usize); 3] {
        let (min, max) = (self.min_spare, self.max_spare);
        let size = self.clients + max;
        let most = MOST_TIMES * self.clients;
        [
            ("static", format!("--workers {size}"), size),
            (
                "dynamic",
                format!("--pool dynamic --min-spare {min} --max-spare {max} --workers {most}"),
                min,
            ),
            (
                "ondemand",
                format!("--pool ondemand --idle-timeout 1s --workers {most}"),
                0,
            ),
        ]
    }
}

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let numbers = Numbers::of(lab, context.quick)?;
    let clients = numbers.clients;
    let mut pools = Vec::new();
    for (name, options, _) in numbers.pools() {
        context.step(&format!("starting the {name} pool"));
        let server = context.start(&format!("prefork {options} {PATIENT}"))?;
        let view = context.scoreboard(&server)?;
        pools.push(Pool {
            name,
            server,
            view,
            sizes: Vec::new(),
            targets: Vec::new(),
        });
    }
    let begun = Instant::now();
    let first_sizes = numbers.pools().map(|it| it.2);
    let has_begun = |pools: &[Pool]| pools.iter().map(Pool::size).eq(first_sizes);
    follow(context, &mut pools, begun, has_begun)?;
    let at_first: Vec<usize> = pools.iter().map(Pool::size).collect();
    let came_s = begun.elapsed().as_secs_f64();
    context.step(&format!("{clients} clients come and stay"));
    let staying = come(&pools, clients)?;
    let full = clients + numbers.min_spare;
    let is_served = |pools: &[Pool]| {
        let has_spare = |pool: &Pool| pool.name != "dynamic" || pool.size() >= full;
        pools.iter().all(|it| it.held() >= clients && has_spare(it))
    };
    follow(context, &mut pools, begun, is_served)?;
    let left_s = begun.elapsed().as_secs_f64();
    context.step("the clients leave");
    drop(staying);
    let goal = full.saturating_sub(numbers.shrink_by);
    let has_shrunk = |pools: &[Pool]| {
        pools.iter().all(|pool| match pool.name {
            "dynamic" => pool.size() <= goal,
            "ondemand" => pool.size() == 0,
            _ => true,
        })
    };
    follow(context, &mut pools, begun, has_shrunk)?;
    let mut observed = Observed::default();
    for (pool, at_first) in pools.iter().zip(at_first) {
        enter(pool, at_first, clients, &mut observed.figures);
    }
    let picture = picture(&pools, clients, (came_s, left_s));
    observed.pictures.push(picture);
    for pool in pools {
        context.stop(pool.name, pool.server)?;
    }
    Ok(observed)
}

fn come(pools: &[Pool], clients: usize) -> Result<Vec<Client>, Problem> {
    let mut staying = Vec::new();
    for pool in pools {
        for _ in 0..clients {
            let client = Client::connect(pool.server.address());
            staying.push(client.map_err(Problem::io("cannot connect"))?);
        }
    }
    Ok(staying)
}

/// Reads the scoreboards until `is_over`, and a moment longer. What does not come is seen in the
/// figures, so this is no error.
fn follow(
    context: &Context<'_>,
    pools: &mut [Pool],
    begun: Instant,
    is_over: impl Fn(&[Pool]) -> bool,
) -> Result<(), Problem> {
    let deadline = Instant::now() + PHASE_MAX;
    let mut over_since = None;
    loop {
        for pool in pools.iter_mut() {
            pool.look(begun.elapsed().as_secs_f64());
        }
        let now = Instant::now();
        if over_since.is_none() && is_over(pools) {
            over_since = Some(now);
        }
        if over_since.is_some_and(|since| now >= since + QUIET) || now >= deadline {
            return Ok(());
        }
        context.pause(SAMPLE_EVERY)?;
    }
}

fn enter(pool: &Pool, at_first: usize, clients: usize, figures: &mut Figures) {
    let sizes = || pool.sizes.iter().map(|it| it.1 as usize);
    figures.count(pool.name, "clients", clients);
    figures.count(pool.name, "at-first", at_first);
    figures.count(pool.name, "most", sizes().max().unwrap_or(0));
    figures.count(pool.name, "at-last", pool.size());
    let steps: Vec<u64> = (pool.targets.windows(2))
        .filter_map(|pair| pair[1].checked_sub(pair[0]))
        .filter(|step| *step > 0)
        .collect();
    let first = steps.first().copied().unwrap_or(0);
    let largest = steps.iter().copied().max().unwrap_or(0);
    figures.count(pool.name, "first-step", first as usize);
    figures.count(pool.name, "largest-step", largest as usize);
}

fn picture(pools: &[Pool], clients: usize, (came_s, left_s): (f64, f64)) -> Picture {
    let of_pool = |pool: &Pool| Series::of_steps(pool.name, &pool.sizes);
    let ends = pools.iter().filter_map(|it| it.sizes.last());
    let end_s = ends.map(|it| it.0).fold(0.0, f64::max);
    let count = clients as f64;
    let clients = Series {
        name: "clients".to_owned(),
        points: vec![
            (0.0, 0.0),
            (came_s, 0.0),
            (came_s, count),
            (left_s, count),
            (left_s, 0.0),
            (end_s, 0.0),
        ],
    };
    Picture::Lines {
        title: "Workers, while clients come, stay and leave".to_owned(),
        x: "seconds".to_owned(),
        y: "workers".to_owned(),
        log: false,
        steps: true,
        lines: pools.iter().map(of_pool).chain([clients]).collect(),
    }
}
