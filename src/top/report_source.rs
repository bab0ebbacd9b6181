//! Where the view comes from: the memory of a process, or a server's `/status?json`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::load::Target;
use crate::status::{Report, SCHEMA, Source};
use crate::sys::errors::plain;

/// How often the memory of a process is looked at. Looking disturbs nobody.
const MEMORY_INTERVAL: Duration = Duration::from_millis(250);
/// How often a server is asked, which costs it a request each time.
const URL_INTERVAL: Duration = Duration::from_secs(1);
/// How often the memory of a process's whole server is added up, which is more work, and holds up
/// its forks for a moment.
const PSS_INTERVAL: Duration = Duration::from_secs(2);
/// How long it may take to answer. A pool that is busy lets the question wait in its queue.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);
/// A report of ten thousand workers has some 3 MB.
const ANSWER_SIZE_MAX: u64 = 64 * 1024 * 1024;

/// A server to be watched.
pub enum ReportSource {
    /// Through its memory.
    Process(Source, Pss),
    /// Through its status page.
    Url(Target),
}

/// What a server's processes use, as it was found out last, and when.
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

/// Why a server cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Its main process is no longer there.
    #[error("the server has ended")]
    Ended,
    /// It does not answer.
    #[error("no answer from {url}: {reason}")]
    NoAnswer {
        /// What was asked.
        url: String,
        /// In words.
        reason: String,
    },
    /// It answers something else.
    #[error("{url} answers {answer}; is it a server of this program, and --status not 'nobody'?")]
    NoStatus {
        /// What was asked.
        url: String,
        /// Its status line, or what is wrong with its content.
        answer: String,
    },
}

impl ReportSource {
    /// A server's memory.
    pub fn of_process(source: Source) -> Self {
        Self::Process(source, Pss::default())
    }

    /// A server's status page. The path of the target counts for nothing.
    pub fn of_url(mut target: Target) -> Self {
        "/status?json".clone_into(&mut target.path);
        Self::Url(target)
    }

    /// How long to wait between two looks.
    pub(super) fn interval(&self) -> Duration {
        match self {
            Self::Process(..) => MEMORY_INTERVAL,
            Self::Url(_) => URL_INTERVAL,
        }
    }

    /// What the server looks like now.
    pub(super) fn look(&mut self) -> Result<Report, ReportError> {
        match self {
            Self::Process(source, _) if !source.is_running() => Err(ReportError::Ended),
            Self::Process(source, pss) => Ok(Report {
                pss_bytes: pss.of(source),
                ..source.report()
            }),
            Self::Url(target) => ask(target),
        }
    }
}

fn ask(target: &Target) -> Result<Report, ReportError> {
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

/// The whole answer. In HTTP/1.0, so that its end is the connection's and nothing comes in chunks.
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

/// The report in an answer, or what is there instead.
fn parse(answer: &[u8]) -> Result<Report, String> {
    let mut table = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut table);
    let Ok(httparse::Status::Complete(length)) = head.parse(answer) else {
        return Err("no HTTP".to_owned());
    };
    let body = &answer[length..];
    match head.code {
        Some(200) => {}
        Some(code) => return Err(format!("{code} {}", head.reason.unwrap_or_default())),
        None => return Err("no HTTP".to_owned()),
    }
    let report: Report =
        serde_json::from_slice(body).map_err(|error| format!("no report ({error})"))?;
    match report.schema {
        // It goes to a terminal, which obeys what is written to it.
        _ if !is_plain(&report) => Err("a report with control characters".to_owned()),
        SCHEMA => Ok(report),
        schema => Err(format!(
            "a report of schema {schema}, and this program knows {SCHEMA}"
        )),
    }
}

/// Whether all texts of a report are no more than text.
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
    }
    #[test]
    fn a_report_cannot_talk_to_the_terminal() {
        let mut report = crate::top::history::tests::report(&[('W', 1)]);
        let answer = |report: &Report| format!("HTTP/1.1 200 OK\r\n\r\n{}", report.json());
        assert_eq!(parse(answer(&report).as_bytes()).as_ref(), Ok(&report));
        report.workers[0].request = Some("GET /\x1b[2J".to_owned());
        let error = parse(answer(&report).as_bytes()).unwrap_err();
        assert_eq!(error, "a report with control characters");
    }
}
