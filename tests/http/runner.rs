//! Runs a group of cases against every model and compares the answers of the models.

use std::fmt;
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use servers::models;

use crate::case::{Case, Then};
use crate::support::can_run;
use crate::support::server::Server;
use crate::support::wire::{self, Answer};

/// A further request: the server must answer it if and only if it keeps the connection.
const PROBE: &[u8] = b"GET /bytes?n=3 HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n";
/// Replaces every Date in a transcript.
const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
/// What the server must answer to it, with [`DATE`].
const PROBE_ANSWER: &str = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Length: 3\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n\r\nxxx";
/// How often each case is cut at random.
const RANDOM_DELIVERIES: usize = 3;

/// Models with options that select another driver.
const VARIATIONS: [&str; 1] = ["epoll --trigger edge"];

/// How a client sends the bytes of a case.
#[derive(Clone)]
enum Delivery {
    /// In one write. The probe follows when all answers have come.
    Whole,
    /// In one write together with the probe.
    Followed,
    /// One byte a write.
    Bytes,
    /// Cut at these places, with a pause at each, so that the server likely reads them apart.
    Cut(Vec<usize>),
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => write!(f, "whole"),
            Self::Followed => write!(f, "with a request behind it"),
            Self::Bytes => write!(f, "byte by byte"),
            Self::Cut(places) => write!(f, "cut at {places:?}"),
        }
    }
}

/// Cases that share their servers.
pub(crate) struct Group<'a> {
    cases: &'a [Case],
    options: &'a [&'a str],
    others: &'a [&'static str],
}

impl<'a> Group<'a> {
    pub(crate) fn new(cases: &'a [Case]) -> Self {
        Self {
            cases,
            options: &[],
            others: &[],
        }
    }

    /// Further contenders: models with options, as in `prefork --accept flock`.
    pub(crate) fn against(mut self, others: &'a [&'static str]) -> Self {
        self.others = others;
        self
    }

    /// Options of `servers run`.
    pub(crate) fn options(mut self, options: &'a [&'a str]) -> Self {
        self.options = options;
        self
    }

    /// Runs every case against every model and variation, all of these at the same time.
    pub(crate) fn run(&self) {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let runs: Vec<Run> = thread::scope(|scope| {
            let names = models::ALL.iter().map(|model| model.name);
            let runs: Vec<_> = names
                .chain(VARIATIONS)
                .chain(self.others.iter().copied())
                .filter(|model| can_run(model))
                .map(|model| scope.spawn(move || self.run_against(model, seed)))
                .collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        let mut failures: Vec<String> = runs.iter().flat_map(|run| run.failures.clone()).collect();
        for run in &runs {
            for (index, case) in self.cases.iter().enumerate() {
                if run.transcripts[index] != runs[0].transcripts[index] {
                    let names = format!("{} and {}", models::ALL[0].name, run.model);
                    failures.push(format!("{names} differ in {}", case.name));
                }
            }
        }
        let count = failures.len();
        assert!(
            failures.is_empty(),
            "{count} failures:\n{}",
            failures.join("\n")
        );
    }

    fn run_against(&self, model: &'static str, seed: u64) -> Run {
        let server = Server::start(model, self.options);
        let mut run = Run {
            model,
            transcripts: Vec::new(),
            failures: Vec::new(),
        };
        for case in self.cases {
            let mut transcripts = Vec::new();
            for delivery in deliveries(case, seed) {
                let transcript = exchange(&server, case, &delivery);
                let mut checked = check(case, &transcript);
                if transcripts
                    .first()
                    .is_some_and(|first| *first != transcript)
                {
                    checked = Err(format!("another answer: {}", show(&transcript)));
                }
                transcripts.push(transcript);
                if let Err(what) = checked {
                    let name = case.name;
                    run.failures
                        .push(format!("{model}, {name}, {delivery}: {what}"));
                    break;
                }
            }
            run.transcripts.push(transcripts.swap_remove(0));
        }
        run
    }
}

/// The results of a group for one model.
struct Run {
    model: &'static str,
    /// For each case, all bytes that the server sent, with [`DATE`] for each Date.
    transcripts: Vec<Vec<u8>>,
    failures: Vec<String>,
}

fn deliveries(case: &Case, seed: u64) -> Vec<Delivery> {
    let mut rng = Rng::with_seed(seed);
    let mut deliveries = vec![Delivery::Whole];
    if case.then != Then::HalfClosed {
        deliveries.push(Delivery::Followed);
    }
    deliveries.push(Delivery::Bytes);
    for _ in 0..RANDOM_DELIVERIES {
        let mut places: Vec<usize> = (0..rng.usize(1..4))
            .map(|_| rng.usize(1..case.send.len()))
            .collect();
        places.sort_unstable();
        deliveries.push(Delivery::Cut(places));
    }
    deliveries
}

/// Runs a case on a connection of its own. Returns all bytes that the server sent, with [`DATE`]
/// for each Date.
fn exchange(server: &Server, case: &Case, delivery: &Delivery) -> Vec<u8> {
    let client = server.connect();
    let probes = case.then == Then::Keeps;
    match delivery {
        Delivery::Whole => wire::send(&client, case.send),
        Delivery::Followed => wire::send(&client, &[case.send, PROBE].concat()),
        Delivery::Bytes => case
            .send
            .chunks(1)
            .for_each(|byte| wire::send(&client, byte)),
        Delivery::Cut(places) => {
            let mut start = 0;
            for &place in places {
                wire::send(&client, &case.send[start..place]);
                thread::sleep(Duration::from_millis(1));
                start = place;
            }
            wire::send(&client, &case.send[start..]);
        }
    }
    let mut received = Vec::new();
    if probes && !matches!(delivery, Delivery::Followed) {
        received = read_answers(&client, case);
        wire::send(&client, PROBE);
    }
    if case.then == Then::HalfClosed {
        // This fails if the server has closed the connection already.
        let _ = client.shutdown(Shutdown::Write);
    }
    let (rest, was_reset) = wire::read_to_end(&client);
    received.extend(rest);
    // Bytes behind a last request may reset the connection, but not before its answer has come.
    let sends_behind = case.then == Then::ClosesEarly || matches!(delivery, Delivery::Followed);
    if was_reset && !sends_behind {
        received.extend(b"<reset>");
    }
    without_date(&received)
}

/// Reads as many answers as the case expects, so that the probe can be sent behind them.
fn read_answers(client: &TcpStream, case: &Case) -> Vec<u8> {
    let mut received = Vec::new();
    let mut part = [0; 64 * 1024];
    while !has_all(&received, case) {
        match std::io::Read::read(&mut &*client, &mut part) {
            Ok(0) => break,
            Ok(count) => received.extend_from_slice(&part[..count]),
            Err(error) => {
                received.extend(format!("<{}>", error.kind()).as_bytes());
                break;
            }
        }
    }
    received
}

fn has_all(mut received: &[u8], case: &Case) -> bool {
    let mut answers = case.answers.iter();
    answers.all(|expect| Answer::take(&mut received, expect.is_bodiless()).is_some())
}

/// Compares what the server sent with what the case expects.
fn check(case: &Case, transcript: &[u8]) -> Result<(), String> {
    let mut rest = transcript;
    for (index, expect) in case.answers.iter().enumerate() {
        let Some(answer) = Answer::take(&mut rest, expect.is_bodiless()) else {
            return Err(format!("answer {index} is missing: {}", show(rest)));
        };
        expect.check(&answer)?;
        let is_last = index + 1 == case.answers.len();
        let closes = answer.field("Connection") == Some("close");
        if closes != (is_last && matches!(case.then, Then::Closes | Then::ClosesEarly)) {
            return Err(format!(
                "announces wrongly whether it closes: {:?}",
                answer.lines
            ));
        }
    }
    match case.then {
        Then::Keeps if rest == PROBE_ANSWER.as_bytes() => Ok(()),
        Then::Keeps => Err(format!("the next request is not answered: {}", show(rest))),
        _ if rest.is_empty() => Ok(()),
        _ => Err(format!("something behind the last answer: {}", show(rest))),
    }
}

/// Replaces the value of each Date by [`DATE`].
fn without_date(received: &[u8]) -> Vec<u8> {
    let mut bytes = received.to_vec();
    let mut from = 0;
    while let Some(at) = wire::find(&bytes[from..], b"\r\nDate: ") {
        let start = from + at + 8;
        let end = (start + DATE.len()).min(bytes.len());
        if std::str::from_utf8(&bytes[start..end])
            .is_ok_and(|date| httpdate::parse_http_date(date).is_ok())
        {
            bytes[start..end].copy_from_slice(DATE.as_bytes());
        }
        from = start;
    }
    bytes
}

fn show(bytes: &[u8]) -> String {
    format!(
        "{:?}",
        String::from_utf8_lossy(&bytes[..bytes.len().min(600)])
    )
}
