//! The generator measured from the other side: a server that does nothing but note when each
//! request arrives.
//!
//! A generator that reports its own lag could be wrong about it. The arrivals at a server cannot:
//! they show whether the gaps are those of the schedule, and whether requests come in pairs.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

use super::{Amount, Error, Outcome, Plan, Schedule, Target, Watch};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/// The end of a request's head; the self-test's requests have no body.
const REQUEST_END: &[u8] = b"\r\n\r\n";
const LISTENER: u64 = u64::MAX;
const EVENTS_MAX: usize = 64;
/// How late the end may be noticed.
const LOOK_EVERY_MS: u8 = 50;
/// A gap of less than this share of the planned one means that two requests came together.
const DOUBLED_BELOW: f64 = 0.25;

/// What the server side saw of one rate.
#[derive(Debug, Clone)]
pub struct SelfTest {
    /// Requests per second planned.
    pub rate: f64,
    /// The generator's own account.
    pub outcome: Outcome,
    /// By how much the gaps between arrivals differ from the planned gap, sorted, in ns.
    pub gap_errors_ns: Vec<u64>,
    /// The share of gaps so short that two requests came together.
    pub doubled_share: f64,
}

impl SelfTest {
    /// The error in ns that this share of the gaps does not exceed.
    pub fn gap_error_ns(&self, quantile: f64) -> u64 {
        let last = self.gap_errors_ns.len().saturating_sub(1);
        let index = (last as f64 * quantile).round() as usize;
        self.gap_errors_ns.get(index).copied().unwrap_or(0)
    }
}

/// Loads the server of this process at a constant rate, and compares what arrives with the plan.
///
/// # Errors
/// Those of [`super::run`], and a server that cannot listen.
pub fn self_test(
    rate: f64,
    duration: Duration,
    base: impl FnOnce(Plan) -> Plan,
    watch: &Watch,
) -> Result<SelfTest, Error> {
    let failed = |call| move |reason| Error::System { call, reason };
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed("bind"))?;
    let address = listener.local_addr().map_err(failed("getsockname"))?;
    let plan = base(Plan {
        schedule: Some(Schedule::constant(rate, duration)?),
        amount: Amount::Duration(duration),
        ..Plan::new(Target::at(address, "/"))
    });
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let server = scope.spawn(|| serve(&listener, &is_over));
        let outcome = super::run(&plan, watch);
        is_over.store(true, Relaxed);
        let arrivals = server
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let arrivals = arrivals.map_err(failed("epoll"))?;
        Ok(compare(rate, outcome?, &arrivals))
    })
}

/// Pure: the arrivals against the gap that the rate stands for.
fn compare(rate: f64, outcome: Outcome, arrivals: &[Instant]) -> SelfTest {
    let planned_ns = 1e9 / rate;
    let gaps = arrivals
        .windows(2)
        .map(|it| (it[1] - it[0]).as_nanos() as f64);
    let gaps: Vec<f64> = gaps.collect();
    let doubled = gaps.iter().filter(|gap| **gap < planned_ns * DOUBLED_BELOW);
    let doubled_share = doubled.count() as f64 / gaps.len().max(1) as f64;
    let mut gap_errors_ns: Vec<u64> = (gaps.iter())
        .map(|gap| (gap - planned_ns).abs() as u64)
        .collect();
    gap_errors_ns.sort_unstable();
    SelfTest {
        rate,
        outcome,
        gap_errors_ns,
        doubled_share,
    }
}

/// Answers every request with the same bytes until it is over; returns when each arrived.
fn serve(listener: &TcpListener, is_over: &AtomicBool) -> io::Result<Vec<Instant>> {
    listener.set_nonblocking(true)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
    let mut clients: Vec<Option<TcpStream>> = Vec::new();
    let (mut arrivals, mut events) = (Vec::new(), [EpollEvent::empty(); EVENTS_MAX]);
    while !is_over.load(Relaxed) {
        let ready = epoll.wait(&mut events, LOOK_EVERY_MS).unwrap_or(0);
        for event in &events[..ready] {
            if event.data() == LISTENER {
                while let Ok((client, _)) = listener.accept() {
                    client.set_nonblocking(true)?;
                    client.set_nodelay(true)?;
                    let token = clients.len() as u64;
                    epoll.add(&client, EpollEvent::new(EpollFlags::EPOLLIN, token))?;
                    clients.push(Some(client));
                }
                continue;
            }
            let place = &mut clients[event.data() as usize];
            if let Some(client) = place
                && !answer(client, &mut arrivals)
            {
                *place = None;
            }
        }
    }
    Ok(arrivals)
}

/// Reads what has come and answers it; false when the client has gone.
fn answer(client: &mut TcpStream, arrivals: &mut Vec<Instant>) -> bool {
    let mut buffer = [0; 4096];
    match client.read(&mut buffer) {
        Ok(0) => false,
        Ok(count) if buffer[..count].ends_with(REQUEST_END) => {
            arrivals.push(Instant::now());
            client.write_all(ANSWER).is_ok()
        }
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_compared_with_the_plan() {
        let start = Instant::now();
        let arrivals: Vec<Instant> = [0, 1000, 2000, 2100, 4000]
            .map(|us| start + Duration::from_micros(us))
            .into();
        let outcome = Outcome::empty(&Plan::new("http://127.0.0.1:1/".parse().unwrap()));
        let seen = compare(1000.0, outcome, &arrivals);
        assert_eq!(seen.gap_errors_ns, [0, 0, 900_000, 900_000]);
        assert_eq!(seen.doubled_share, 0.25);
        assert_eq!(
            (seen.gap_error_ns(0.0), seen.gap_error_ns(1.0)),
            (0, 900_000)
        );
    }

    #[test]
    fn every_request_arrives_and_is_accounted_for() {
        let duration = Duration::from_millis(200);
        let base = |plan| Plan {
            connections: 4,
            ..plan
        };
        let seen = self_test(500.0, duration, base, &Watch::default()).unwrap();
        assert!(seen.outcome.is_complete(), "{:?}", seen.outcome);
        assert_eq!(seen.outcome.planned, 100);
        // A request that was in flight at the end may have arrived or not.
        let arrived = seen.gap_errors_ns.len() as u64 + 1;
        assert!(arrived >= seen.outcome.requests, "{arrived}");
        assert!(arrived <= seen.outcome.attempted, "{arrived}");
    }
}
