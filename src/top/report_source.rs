//! Where the view gets its reports: the memory of a server, or its `/status?json`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::load::Target;
use crate::status::{Report, SCHEMA, Source};
use crate::sys::errors::plain;

/// Time between two reads of the scoreboard, which cost the server nothing.
const MEMORY_INTERVAL: Duration = Duration::from_millis(250);
/// Time between two requests to a server's status page; each occupies a worker.
const URL_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two readings of the memory in use. The kernel walks the page tables for each, and
/// delays a `fork` of the server meanwhile.
const PSS_INTERVAL: Duration = Duration::from_secs(2);
/// Time for an answer of the status page. With all workers busy, the request waits in the accept
/// queue.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);
/// The most bytes of an answer; a report of ten thousand workers has about 3 MB.
const ANSWER_SIZE_MAX: u64 = 64 * 1024 * 1024;

/// A server to watch, and the way to its reports.
pub enum ReportSource {
    /// Read the memory of its scoreboard.
    Process(Source, Pss),
    /// Request its status page.
    Url(Target),
}

/// The memory that a server's processes used at the last reading, and the time of that reading.
#[derive(Default)]
pub struct Pss(Option<(Instant, Option<u64>)>);

impl Pss {
    fn of(&mut self, source: &Source) -> Option<u64> {
        match self.0 {
            Some((then, bytes)) if then.elapsed() < PSS_INTERVAL => bytes,
            _ => {
                let bytes = source.pss_bytes();
                self.0 = Some((Instant::now(), bytes));
                bytes
            }
        }
    }
}

/// A report, and what the answer that carried it says beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The state of the server.
    pub report: Report,
    /// The status page answered 503: the server is about to stop, and puts that off
    /// (`--drain-delay`).
    pub is_draining: bool,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The main process of the server has ended.
    #[error("the server has ended")]
    Ended,
    /// The status page does not answer.
    #[error("no answer from {url}: {reason}")]
    NoAnswer {
        /// URL of the status page.
        url: String,
        /// The error in plain words.
        reason: String,
    },
    /// The answer is no report.
    #[error("{url} answers {answer}; is it a server of this program that shows its status?")]
    NoStatus {
        /// URL of the status page.
        url: String,
        /// The status of the answer, or what is wrong with its content.
        answer: String,
    },
}

impl ReportSource {
    /// Reports from the memory of a server.
    pub fn of_process(source: Source) -> Self {
        Self::Process(source, Pss::default())
    }

    /// Reports from a server's status page, whatever path the target has.
    pub fn of_url(mut target: Target) -> Self {
        "/status?json".clone_into(&mut target.path);
        Self::Url(target)
    }

    /// Time to wait between two reports.
    pub(super) fn interval(&self) -> Duration {
        match self {
            Self::Process(..) => MEMORY_INTERVAL,
            Self::Url(_) => URL_INTERVAL,
        }
    }

    /// The server as it is now.
    pub(super) fn look(&mut self) -> Result<Seen, ReportError> {
        match self {
            Self::Process(source, _) if !source.is_running() => Err(ReportError::Ended),
            Self::Process(source, pss) => Ok(Seen {
                report: Report {
                    pss_bytes: pss.of(source),
                    ..source.report()
                },
                is_draining: false,
            }),
            Self::Url(target) => ask(target),
        }
    }
}

fn ask(target: &Target) -> Result<Seen, ReportError> {
    let url = target.to_string();
    let answer = fetch(target).map_err(|error| ReportError::NoAnswer {
        url: url.clone(),
        reason: plain(&error),
    })?;
    parse(&answer).map_err(|answer| ReportError::NoStatus { url, answer })
}

/// A connection to the first of the host's addresses that accepts one.
fn connect(target: &Target) -> io::Result<TcpStream> {
    let mut refused = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in target.inet_addresses() {
        match TcpStream::connect_timeout(&address, ANSWER_DEADLINE) {
            Ok(stream) => return Ok(stream),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// Requests the status page and returns the whole answer. The request is of HTTP/1.0, so the answer
/// is not chunked and ends with the connection.
fn fetch(target: &Target) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + ANSWER_DEADLINE;
    let mut stream = connect(target)?;
    let (path, host) = (&target.path, &target.authority);
    stream.set_write_timeout(Some(ANSWER_DEADLINE))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n").as_bytes())?;
    let mut answer = Vec::new();
    let mut part = [0; 64 * 1024];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || answer.len() as u64 > ANSWER_SIZE_MAX {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part) {
            Ok(0) => return Ok(answer),
            Ok(count) => answer.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err(ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
}

/// The report in an answer, or a description of what the answer holds instead.
fn parse(answer: &[u8]) -> Result<Seen, String> {
    let mut table = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut table);
    let Ok(httparse::Status::Complete(length)) = head.parse(answer) else {
        return Err("no HTTP".to_owned());
    };
    let code = head.code.ok_or("no HTTP")?;
    let is_draining = code == 503;
    let report: Report = match serde_json::from_slice(&answer[length..]) {
        Ok(report) if code == 200 || is_draining => report,
        Err(error) if code == 200 => return Err(format!("no report ({error})")),
        _ => return Err(format!("{code} {}", head.reason.unwrap_or_default())),
    };
    match report.schema {
        // The texts go to a terminal, which would obey control characters in them.
        _ if !is_plain(&report) => Err("a report with control characters".to_owned()),
        SCHEMA => Ok(Seen {
            report,
            is_draining,
        }),
        schema => Err(format!(
            "a report of schema {schema}, and this program knows {SCHEMA}"
        )),
    }
}

/// Whether no text of a report holds a control character.
fn is_plain(report: &Report) -> bool {
    let workers = report.workers.iter();
    let asked = workers.flat_map(|it| [&it.request, &it.client]).flatten();
    let mut texts = asked.chain([&report.model, &report.accept, &report.address]);
    let mut letters = report.workers.iter().map(|it| it.state);
    !letters.any(char::is_control) && !texts.any(|text| text.contains(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_is_named() {
        let wrong = |answer: &str| parse(answer.as_bytes()).unwrap_err();
        assert_eq!(wrong(""), "no HTTP");
        assert_eq!(wrong("220 mail.example SMTP\r\n"), "no HTTP");
        let denied = "HTTP/1.1 403 Forbidden\r\n\r\nno";
        assert_eq!(wrong(denied), "403 Forbidden");
        assert!(wrong("HTTP/1.1 200 OK\r\n\r\n{}").starts_with("no report (missing field"));
        assert!(wrong("HTTP/1.1 200 OK\r\n\r\n<html>").starts_with("no report ("));
        let full = "HTTP/1.1 503 Service Unavailable\r\n\r\ntry again";
        assert_eq!(wrong(full), "503 Service Unavailable");
    }

    #[test]
    fn a_server_that_is_about_to_stop_reports_with_a_503() {
        let report = crate::top::history::tests::report(&[('W', 1)]);
        let answer = format!("HTTP/1.1 503 Service Unavailable\r\n\r\n{}", report.json());
        let seen = parse(answer.as_bytes()).unwrap();
        assert_eq!((seen.report, seen.is_draining), (report, true));
    }

    #[test]
    fn a_report_cannot_talk_to_the_terminal() {
        let mut report = crate::top::history::tests::report(&[('W', 1)]);
        let answer = |report: &Report| format!("HTTP/1.1 200 OK\r\n\r\n{}", report.json());
        let seen = parse(answer(&report).as_bytes()).unwrap();
        assert_eq!((&seen.report, seen.is_draining), (&report, false));
        report.workers[0].request = Some("GET /\x1b[2J".to_owned());
        let error = parse(answer(&report).as_bytes()).unwrap_err();
        assert_eq!(error, "a report with control characters");
    }
}
