//! A few requests of each kind before anything is measured: a path that is not there, or an answer
//! that takes longer than a window, must not be found out by a table full of errors.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::contender::Contender;
use super::plan::{Clock, Plan};
use super::results::Lack;
use super::server::ServerUnderTest;
use super::workload::Workload;
use crate::load::{self, Amount, Target, Watch};

/// How long the one request may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Statuses from here on refuse the request (RFC 9110 section 15).
const STATUS_REFUSED_MIN: u16 = 400;
/// Requests of each kind.
const SAMPLES: usize = 3;
/// A window should have room for so many answers of one connection.
const ANSWERS_MIN: u32 = 4;
/// From this size on, answers compete for the same copying, so that the connections take turns.
const BIG_BYTES: usize = 256 * 1024;

/// What one request has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sample {
    status: u16,
    bytes: usize,
    took: Duration,
}

/// What is known before the first window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// Contenders that are not asked for a workload, because they lack its path.
    pub lacks: Vec<Lack>,
    /// The shortest window that makes sense, with the workload that needs it.
    pub window_min: Option<(Duration, String)>,
}

/// Asks the reference, and every foreign server, for each workload. A server that does not start is
/// left out: the tables will say how it failed.
///
/// # Errors
/// Our own reference refuses a path: the call is wrong, and this says why.
pub fn check(program: &Path, plan: &Plan) -> Result<Findings, String> {
    let mut findings = Findings::default();
    for (index, contender) in plan.contenders.iter().enumerate() {
        let is_foreign = contender.foreign.is_some();
        if index == plan.reference || is_foreign {
            ask(program, plan, contender, &mut findings)?;
        }
    }
    Ok(findings)
}

fn ask(
    program: &Path,
    plan: &Plan,
    contender: &Contender,
    findings: &mut Findings,
) -> Result<(), String> {
    let Ok(server) = ServerUnderTest::start(program, contender, &[]) else {
        return Ok(());
    };
    for workload in plan.workloads.iter().chain(&plan.looks) {
        if !workload.requests.is_empty() {
            ask_for_each_kind(server.address(), contender, workload)?;
            continue;
        }
        // The quickest of several: the machine may be busy with something else.
        let samples = (0..SAMPLES).filter_map(|_| sample(server.address(), &workload.path));
        let Some(sample) = samples.min_by_key(|it| it.took) else {
            continue;
        };
        if sample.status < STATUS_REFUSED_MIN {
            findings.consider(workload, sample);
            continue;
        }
        if contender.foreign.is_none() {
            return Err(format!(
                "'{}' answers {} with status {}: see 'GET /' of a running server for its paths",
                contender.name, workload.path, sample.status
            ));
        }
        findings.lacks.push(Lack {
            contender: contender.name.clone(),
            workload: workload.name.clone(),
            status: sample.status,
        });
    }
    // How it stops is judged at every window.
    server.stop().ok();
    Ok(())
}

/// Each kind of request of a file once. Foreign servers may lack some of them, which their windows
/// count as errors.
fn ask_for_each_kind(
    server: SocketAddr,
    contender: &Contender,
    workload: &Workload,
) -> Result<(), String> {
    let kinds = workload.requests.iter().filter(|it| it.weight > 0);
    for kind in kinds.filter(|_| contender.foreign.is_none()) {
        let plan = load::Plan {
            connections: 1,
            amount: Amount::Requests(1),
            workload: load::Workload::new(vec![kind.template()]),
            timeout: TIMEOUT,
            ..load::Plan::new(Target::at(server, workload.path.clone()))
        };
        let asked = load::run(&plan, &Watch::default()).map_err(|error| error.to_string())?;
        if asked.requests == 0 {
            let path = kind.path.as_ref().unwrap_or(&workload.path);
            let statuses: Vec<String> = asked.statuses.keys().map(u16::to_string).collect();
            let answer = match statuses.is_empty() {
                true => "not at all".to_owned(),
                false => format!("with status {}", statuses.join(", ")),
            };
            return Err(format!(
                "'{}' answers {} {path} of {} {answer}, which is not what that file expects",
                contender.name, kind.method, workload.name
            ));
        }
    }
    Ok(())
}

impl Findings {
    fn consider(&mut self, workload: &Workload, sample: Sample) {
        // The built-in workloads are made for short windows.
        if Workload::named(&workload.name).is_some_and(|it| it.path == workload.path) {
            return;
        }
        let window = window_for(workload, sample);
        if self
            .window_min
            .as_ref()
            .is_none_or(|(known, _)| *known < window)
        {
            self.window_min = Some((window, workload.path.clone()));
        }
    }

    /// Makes the windows of `plan` long enough, and says so.
    pub fn lengthen(&self, plan: &mut Plan) -> Option<String> {
        let (window, path) = self.window_min.as_ref()?;
        if plan.requests.is_some() || *window <= plan.window {
            return None;
        }
        plan.window = *window;
        Some(format!(
            "an answer to {path} takes so long that windows are lengthened to {}",
            Clock(*window)
        ))
    }

    /// Whether a window that was asked for is too short for any answer.
    ///
    /// # Errors
    /// It is: what would do.
    pub fn check_window(&self, window: Duration) -> Result<(), String> {
        match &self.window_min {
            Some((least, path)) if window < *least / ANSWERS_MIN => Err(format!(
                "a window of {} ms is too short for an answer to {path}: use -d {}ms at least",
                window.as_millis(),
                least.as_millis()
            )),
            _ => Ok(()),
        }
    }
}

fn window_for(workload: &Workload, sample: Sample) -> Duration {
    match sample.bytes >= BIG_BYTES {
        true => sample.took * ANSWERS_MIN.max(2 * workload.connections as u32),
        false => sample.took * ANSWERS_MIN,
    }
}

/// One request over a connection of its own; none where there is no answer.
fn sample(server: SocketAddr, path: &str) -> Option<Sample> {
    let begun = Instant::now();
    let mut connection = TcpStream::connect_timeout(&server, TIMEOUT).ok()?;
    connection.set_read_timeout(Some(TIMEOUT)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).ok()?;
    let head = String::from_utf8_lossy(answer.get(..12)?);
    Some(Sample {
        status: head.strip_prefix("HTTP/1.1 ")?.parse().ok()?,
        bytes: answer.len(),
        took: begun.elapsed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_answers_take_turns_and_small_ones_do_not() {
        let hello = Workload::named("hello").unwrap();
        let sample = |bytes, ms| Sample {
            status: 200,
            bytes,
            took: Duration::from_millis(ms),
        };
        assert_eq!(
            window_for(&hello, sample(100, 20)),
            Duration::from_millis(80)
        );
        let big = window_for(&hello, sample(20_000_000, 10));
        assert_eq!(big, Duration::from_millis(320));
    }

    #[test]
    fn windows_that_are_too_short_are_lengthened_or_refused() {
        let mut plan = crate::bench::plan::tests::plan(1, 1, 0);
        let findings = Findings {
            lacks: Vec::new(),
            window_min: Some((Duration::from_secs(4), "/bytes".to_owned())),
        };
        let said = findings.lengthen(&mut plan).unwrap();
        assert!(said.contains("lengthened to 4 s"), "{said}");
        assert_eq!(plan.window, Duration::from_secs(4));
        assert_eq!(findings.lengthen(&mut plan), None);
        let why = findings
            .check_window(Duration::from_millis(50))
            .unwrap_err();
        assert!(why.contains("-d 4000ms at least"), "{why}");
        findings.check_window(Duration::from_secs(1)).unwrap();
    }
}
