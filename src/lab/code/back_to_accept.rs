//! `back-to-accept`: while a client is being served, does the server accept the next one?
//!
//! All clients connect at once, and the handler sleeps for each of them. The server's scoreboard is
//! read every millisecond: it says how many connections have been accepted so far, and how many
//! requests answered. What is accepted before the first answer was accepted meanwhile. This is an
//! order of events: a slow machine may delay them, and does not turn it.

use std::panic;
use std::thread;
use std::time::{Duration, Instant};

use crate::bench::server::ServerUnderTest;
use crate::lab::client::Client;
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::figures::{Figures, Unit};
use crate::lab::outcome::Observed;
use crate::lab::picture::{Picture, Series};
use crate::lab::problem::Problem;

const SERVERS: [&str; 3] = ["iterative", "fork", "threaded"];
/// How often the scoreboard is read.
const SAMPLE_EVERY: Duration = Duration::from_millis(1);
/// Beyond the handler's time for every client, one after the other.
const SAMPLES_BEYOND: u32 = 20;
const MS_PER_S: f64 = 1000.0;

/// What the scoreboard said at a moment.
#[derive(Clone, Copy)]
struct Sample {
    /// Since the clients have come.
    at: Duration,
    accepted: u64,
    /// Read after `accepted`: while this is 0, all of those were accepted before the first answer.
    answered: u64,
}

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let clients = lab.number("clients", context.quick)?;
    let handler_ms = lab.number("handler-ms", context.quick)? as u64;
    let handler = Duration::from_millis(handler_ms);
    let mut observed = Observed::default();
    let mut lines = Vec::new();
    for (index, name) in SERVERS.into_iter().enumerate() {
        let what = format!("{name}: {clients} clients at once");
        context.step_of(&what, index, SERVERS.len());
        let server = context.start(name)?;
        let samples = watch(context, &server, clients, handler)?;
        context.stop(name, server)?;
        enter(name, &samples, &mut observed.figures);
        let point = |it: &Sample| (it.at.as_secs_f64() * MS_PER_S, it.accepted as f64);
        let points: Vec<(f64, f64)> = samples.iter().map(point).collect();
        lines.push(Series::of_steps(name, &points));
    }
    observed.pictures.push(Picture::Lines {
        title: format!("Accepted clients; each is served for {handler_ms} ms"),
        x: "milliseconds since the clients came".to_owned(),
        y: "clients accepted".to_owned(),
        log: false,
        steps: true,
        lines,
    });
    Ok(observed)
}

/// Lets all clients come, and reads how many have been accepted until all are.
fn watch(
    context: &Context<'_>,
    server: &ServerUnderTest,
    clients: usize,
    handler: Duration,
) -> Result<Vec<Sample>, Problem> {
    let view = context.scoreboard(server)?;
    let accepted = || view.wakes().iter().map(|it| it.accepted).sum::<u64>();
    let answered = || view.counts().iter().map(|it| it.requests).sum::<u64>();
    let path = format!("/sleep?ms={}", handler.as_millis());
    let came = Instant::now();
    let mut waiting = Vec::new();
    for _ in 0..clients {
        let mut client =
            Client::connect(server.address()).map_err(Problem::io("cannot connect"))?;
        client
            .send(&path, false)
            .map_err(Problem::io("cannot ask"))?;
        waiting.push(client);
    }
    let deadline = came + (clients as u32 + SAMPLES_BEYOND) * handler;
    thread::scope(|scope| {
        // Each client closes when it has its answer. Otherwise iterative would wait for that.
        let clients_answered: Vec<_> = (waiting.into_iter())
            .map(|mut client| scope.spawn(move || client.answer().map(drop)))
            .collect();
        let mut samples: Vec<Sample> = Vec::new();
        let are_all_accepted = |samples: &[Sample]| {
            let last = samples.last();
            last.is_some_and(|it| it.accepted >= clients as u64)
        };
        while !are_all_accepted(&samples) && Instant::now() < deadline {
            let at = came.elapsed();
            samples.push(Sample {
                at,
                accepted: accepted(),
                answered: answered(),
            });
            thread::sleep(SAMPLE_EVERY);
        }
        for client in clients_answered {
            let answered = client
                .join()
                .unwrap_or_else(|panic| panic::resume_unwind(panic));
            answered.map_err(Problem::io("a client got no answer"))?;
        }
        context.check()?;
        Ok(samples)
    })
}

fn enter(name: &str, samples: &[Sample], figures: &mut Figures) {
    // The first sample that shows an accept, and of each further client the first that shows it.
    let mut accepts: Vec<Duration> = Vec::new();
    for sample in samples {
        while (accepts.len() as u64) < sample.accepted {
            accepts.push(sample.at);
        }
    }
    let first = accepts.first().copied().unwrap_or_default();
    let before_an_answer = samples.iter().filter(|it| it.answered == 0);
    let meanwhile = before_an_answer.map(|it| it.accepted).max();
    figures.count(name, "clients", accepts.len());
    figures.count(name, "accepted-meanwhile", meanwhile.unwrap_or(0) as usize);
    let last = accepts.last().copied().unwrap_or_default();
    let gaps = accepts.len().saturating_sub(1).max(1) as f64;
    let gap_ms = (last - first).as_secs_f64() * MS_PER_S / gaps;
    figures.add(name, "between-accepts", Unit::Milliseconds, gap_ms);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_while_the_first_is_served_is_counted() {
        let samples = |seen: &[(u64, u64, u64)]| -> Vec<Sample> {
            let seen = seen.iter().map(|&(ms, accepted, answered)| Sample {
                at: Duration::from_millis(ms),
                accepted,
                answered,
            });
            seen.collect()
        };
        let mut figures = Figures::default();
        let one_by_one = samples(&[(0, 0, 0), (1, 1, 0), (100, 1, 1), (101, 2, 1), (201, 3, 2)]);
        enter("iterative", &one_by_one, &mut figures);
        let at_once = samples(&[(0, 0, 0), (1, 1, 0), (2, 3, 0)]);
        enter("fork", &at_once, &mut figures);
        let value = |row, name| figures.get(row, name).unwrap().at(0).unwrap();
        assert_eq!(value("iterative", "accepted-meanwhile"), 1.0);
        assert_eq!(value("iterative", "between-accepts"), 100.0);
        assert_eq!(value("fork", "accepted-meanwhile"), 3.0);
        assert_eq!(value("fork", "between-accepts"), 0.5);
    }
}
