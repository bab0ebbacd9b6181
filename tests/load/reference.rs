//! A server whose response times are known, because it records them itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::OK;

/// How long the server takes over a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Behaviour {
    /// Always the same.
    Constant(Duration),
    /// Every twentieth request takes the longer time, so that the p90 is the shorter one.
    Bimodal(Duration, Duration),
    /// The same, but in each period no request is answered for the first part of it.
    Stalls {
        service: Duration,
        stall: Duration,
        period: Duration,
    },
    /// The same up to this age of the server, and no answer from then on.
    Freezes { service: Duration, at: Duration },
}

/// The server, on threads of the test itself: one for each connection, so that no request waits
/// for another.
pub(crate) struct Reference {
    pub(crate) address: SocketAddr,
    behaviour: Behaviour,
    started: Instant,
    requests: Arc<AtomicU64>,
    /// What each request took that met no stall, in ns: the sleep and the scheduler's share.
    service_ns: Arc<Mutex<Vec<u64>>>,
}

impl Reference {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            behaviour,
            started: Instant::now(),
            requests: Arc::default(),
            service_ns: Arc::default(),
        };
        let (started, requests) = (server.started, Arc::clone(&server.requests));
        let service_ns = Arc::clone(&server.service_ns);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (requests, service_ns) = (Arc::clone(&requests), Arc::clone(&service_ns));
                thread::spawn(move || serve(stream, behaviour, started, &requests, &service_ns));
            }
        });
        server
    }

    /// Waits until this much of a period of stalls has passed. Without stalls it returns at once.
    pub(crate) fn wait_until_in_period(&self, age: Duration) {
        let Behaviour::Stalls { period, .. } = self.behaviour else {
            return;
        };
        let now = self.started.elapsed().as_nanos() % period.as_nanos();
        let wait = (age.as_nanos() + period.as_nanos() - now) % period.as_nanos();
        thread::sleep(Duration::from_nanos(wait as u64));
    }

    /// The response times in ns, in order, of requests that were sent evenly over this time:
    /// computed from what the server did, and from nothing that a client measured.
    pub(crate) fn truth(&self, from: Instant, to: Instant) -> Vec<u64> {
        let mut service = self.service_ns.lock().unwrap().clone();
        service.sort_unstable();
        let samples = ((to - from).as_micros() / 100) as u32;
        let mut truth: Vec<u64> = (0..samples)
            .map(|sample| {
                let sent = from + (to - from) * sample / samples;
                // Each of the service times that occurred, equally often.
                let index = sample as usize * 7919 % service.len();
                if is_frozen(self.behaviour, self.started, sent) {
                    // No answer comes, but until the end that much time has passed.
                    return (to - sent).as_nanos() as u64;
                }
                let stalled = stalled_until(self.behaviour, self.started, sent);
                let waited = stalled.map_or(Duration::ZERO, |until| until - sent);
                waited.as_nanos() as u64 + service[index]
            })
            .collect();
        truth.sort_unstable();
        truth
    }
}

fn serve(
    mut stream: TcpStream,
    behaviour: Behaviour,
    started: Instant,
    requests: &AtomicU64,
    service_ns: &Mutex<Vec<u64>>,
) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; 4096];
    while let Ok(1..) = stream.read(&mut buffer) {
        let read = Instant::now();
        let number = requests.fetch_add(1, Relaxed);
        let service = match behaviour {
            Behaviour::Constant(service)
            | Behaviour::Stalls { service, .. }
            | Behaviour::Freezes { service, .. } => service,
            Behaviour::Bimodal(_, long) if number % 20 == 19 => long,
            Behaviour::Bimodal(short, _) => short,
        };
        if is_frozen(behaviour, started, read) {
            continue;
        }
        let stalled = stalled_until(behaviour, started, read);
        if let Some(until) = stalled {
            thread::sleep(until.saturating_duration_since(Instant::now()));
        }
        thread::sleep(service);
        if stream.write_all(OK).is_err() {
            return;
        }
        if stalled.is_none() {
            let taken = read.elapsed().as_nanos() as u64;
            service_ns.lock().unwrap().push(taken);
        }
    }
}

/// When the current stall ends, if the server stalls now.
fn stalled_until(behaviour: Behaviour, started: Instant, now: Instant) -> Option<Instant> {
    let Behaviour::Stalls { stall, period, .. } = behaviour else {
        return None;
    };
    let within = (now - started).as_nanos() % period.as_nanos();
    let left = stall.as_nanos().checked_sub(within)?;
    Some(now + Duration::from_nanos(left as u64))
}

fn is_frozen(behaviour: Behaviour, started: Instant, now: Instant) -> bool {
    matches!(behaviour, Behaviour::Freezes { at, .. } if now - started >= at)
}
