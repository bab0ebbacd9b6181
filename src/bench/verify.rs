//! Whether the answers are right. Nothing is measured here.
//!
//! `/time` formats a moment through a function of the C library that keeps its result in a buffer
//! of its own, one for each process. Many clients ask for different moments at the same time, and
//! each answer is compared with what another implementation makes of the same moment.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use fastrand::Rng;
use serde::Serialize;

use super::contender::Contender;
use super::failure::Failure;
use super::server::ServerUnderTest;
use crate::load::Watch;

/// Requests to each contender: enough to see one answer in a thousand.
pub const REQUESTS: usize = 2000;
/// How long one request may take, whatever the machine is doing.
const PATIENCE: Duration = Duration::from_secs(10);
/// The moments asked for, in seconds since 1970: up to the year 2100 or so.
const MOMENTS: std::ops::Range<u64> = 86_400..4_100_000_000;
/// The zones, in minutes east of Greenwich.
const ZONES: std::ops::RangeInclusive<i64> = -720..=840;

/// How one contender has done.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verdict {
    /// What the table calls it.
    pub contender: String,
    /// What followed `servers run`.
    pub arguments: Vec<String>,
    /// Requests that were answered.
    pub answers: usize,
    /// Answers that were not the one asked for.
    pub wrong: usize,
    /// Requests without a proper answer: no connection, no 200, cut off.
    pub errors: usize,
    /// One of the wrong answers.
    pub example: Option<Mistake>,
    /// What went wrong with the server itself.
    pub failure: Option<Failure>,
}

/// A wrong answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The path of the request.
    pub path: String,
    /// What should have come.
    pub right: String,
    /// What came.
    pub wrong: String,
}

impl Verdict {
    /// The share of wrong answers; nothing without an answer.
    pub fn wrong_share(&self) -> Option<f64> {
        (self.answers > 0).then(|| self.wrong as f64 / self.answers as f64)
    }

    /// Whether it was tried as planned, whatever came of it.
    pub fn is_whole(&self) -> bool {
        self.failure.is_none() && self.errors == 0
    }
}

/// Asks each contender for [`REQUESTS`] times of day, over so many connections at once, each for
/// one request. Setting [`Watch::stop`] ends it early; the contender under way is left out.
///
/// Must be called on a thread that lives as long as the servers: they are killed when it ends.
///
/// # Errors
/// This program's own path is unknown. What goes wrong with a contender is in its verdict.
pub fn time(
    contenders: &[Contender],
    connections: usize,
    watch: &Watch,
) -> io::Result<Vec<Verdict>> {
    let program = std::env::current_exe()?;
    let mut verdicts = Vec::new();
    for who in contenders {
        let verdict = judge(&program, who, connections, watch);
        if watch.stop.load(Relaxed) {
            break;
        }
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

fn judge(program: &Path, who: &Contender, connections: usize, watch: &Watch) -> Verdict {
    let mut verdict = Verdict {
        contender: who.name.clone(),
        arguments: who.arguments.clone(),
        ..Verdict::default()
    };
    match ServerUnderTest::start(program, who, &[]) {
        Ok(server) => {
            ask_all(server.address(), connections, watch, &mut verdict);
            verdict.failure = server.stop().err();
        }
        Err(failure) => verdict.failure = Some(failure),
    }
    verdict
}

/// All clients ask until the requests are used up.
fn ask_all(server: SocketAddr, clients: usize, watch: &Watch, verdict: &mut Verdict) {
    let asked = &AtomicUsize::new(0);
    let client = || {
        let mut tally = Verdict::default();
        let mut random = Rng::new();
        while asked.fetch_add(1, Relaxed) < REQUESTS && !watch.stop.load(Relaxed) {
            tally.note(&TimeRequest::random(&mut random), server);
        }
        tally
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        for client in clients {
            let tally = client
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            verdict.add(tally);
        }
    });
}

impl Verdict {
    fn note(&mut self, request: &TimeRequest, server: SocketAddr) {
        match request.ask(server) {
            Err(_) => self.errors += 1,
            Ok(answer) => {
                self.answers += 1;
                if answer != request.right {
                    self.wrong += 1;
                    self.example.get_or_insert_with(|| Mistake {
                        path: request.path.clone(),
                        right: request.right.trim_end().to_owned(),
                        wrong: answer.trim_end().to_owned(),
                    });
                }
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.answers += other.answers;
        self.wrong += other.wrong;
        self.errors += other.errors;
        self.example = self.example.take().or(other.example);
    }
}

/// A request and its right answer.
struct TimeRequest {
    path: String,
    right: String,
}

impl TimeRequest {
    fn random(random: &mut Rng) -> Self {
        let (at, zone) = (random.u64(MOMENTS), random.i64(ZONES));
        Self {
            path: format!("/time?at={at}&zone={zone}"),
            right: asctime(at.saturating_add_signed(60 * zone)),
        }
    }

    /// What the server says, over a connection of its own.
    fn ask(&self, server: SocketAddr) -> io::Result<String> {
        let mut connection = TcpStream::connect_timeout(&server, PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_write_timeout(Some(PATIENCE))?;
        let path = &self.path;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
        connection.write_all(head.as_bytes())?;
        let mut response = String::new();
        connection.read_to_string(&mut response)?;
        match response.split_once("\r\n\r\n") {
            Some((head, text)) if head.starts_with("HTTP/1.1 200 ") => Ok(text.to_owned()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// What `asctime(3)` should say, from an implementation that shares nothing with it.
fn asctime(seconds: u64) -> String {
    let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
    // Sun, 16 Sep 1973 04:00:00 GMT
    let words: Vec<&str> = date
        .split([',', ' '])
        .filter(|word| !word.is_empty())
        .collect();
    match words[..] {
        [weekday, day, month, year, time, _] => {
            let day = day.trim_start_matches('0');
            format!("{weekday} {month} {day:>2} {time} {year}\n")
        }
        _ => date,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_answers_are_those_of_the_c_library() {
        // From date(1).
        assert_eq!(asctime(117_000_000), "Sun Sep 16 04:00:00 1973\n");
        assert_eq!(asctime(0), "Thu Jan  1 00:00:00 1970\n");
        assert_eq!(asctime(4_102_444_799), "Thu Dec 31 23:59:59 2099\n");
    }

    #[test]
    fn every_request_has_an_answer_of_the_usual_form() {
        let mut random = Rng::with_seed(1);
        for _ in 0..1000 {
            let request = TimeRequest::random(&mut random);
            assert_eq!(request.right.len(), 25, "{}", request.path);
        }
    }
}
