//! The loop on rings as older kernels have them, and what becomes of memory when a ring is dropped.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{CompletionLoop, Done, Session};
use crate::accept::{Listener, SHARED, StrategyOptions};
use crate::http::{Body, Handler, Limits, Request, Response, Status};
use crate::scoreboard::Scoreboard;
use crate::server::{Configuration, Lifetime, PoolSettings, Recycling, Server, Sizing, Trigger};
use crate::service::Succession;
use crate::sys::uring::{self, Ring};

/// Answers with what was posted.
struct Echo;

impl Handler for Echo {
    fn respond(&self, request: &Request<'_>) -> Response {
        let body = Body::Owned(request.body().to_vec());
        Response::new(Status::OK).with_body("", body)
    }
}

/// There is no master here that would ask for a configuration.
struct Fixed;

impl Configuration for Fixed {
    fn server(&self) -> Server<'_> {
        unreachable!("there is no worker")
    }

    fn drop_privileges(&self) -> Result<(), String> {
        Ok(())
    }

    fn reload(&self) -> Result<Box<dyn Configuration + '_>, String> {
        Err("there is no master".to_owned())
    }

    fn succession(&self) -> &Succession {
        unreachable!("there is no successor")
    }
}

/// Runs the loop on `ring` until `client`, which is given the address, returns. Then drops the loop
/// with the operations that are in flight.
fn serve(ring: Ring<Session>, client: impl FnOnce(SocketAddr) + Send + 'static) {
    let scoreboard = Scoreboard::create().unwrap();
    let server = Server {
        handler: &Echo,
        limits: Limits::default(),
        workers: 1,
        threads: None,
        accept: SHARED,
        strategy_options: StrategyOptions::default(),
        pool: PoolSettings {
            sizing: Sizing::Static,
            worker_timeout: None,
            request_timeout: None,
            max_requests: 0,
            max_requests_jitter: 0,
            recycling: Recycling::default(),
            drain_delay: Duration::ZERO,
            exec_time: Duration::from_secs(1),
            grace: Duration::ZERO,
        },
        lifetime: Lifetime::default(),
        slow: None,
        access: None,
        scoreboard: &scoreboard,
        trigger: Trigger::Level,
        requeue: 0,
        connections_max: 1000,
        configuration: &Fixed,
    };
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 100).unwrap();
    let address = listener.addresses().next().unwrap().tcp().unwrap();
    let client: JoinHandle<()> = thread::spawn(move || client(address));
    let mut clients = CompletionLoop::on(ring, &server, listener);
    while !client.is_finished() {
        assert!(clients.wait().unwrap());
        while let Some(done) = clients.take() {
            match done {
                Done::Accepted {
                    key,
                    client,
                    goes_on,
                } => clients.accepted(key, client, goes_on),
                Done::Received {
                    key,
                    count,
                    goes_on,
                } => clients.received(key, count, goes_on),
                Done::Sent { key, count, parcel } => clients.sent(key, count, parcel),
                Done::Read { key, count, parcel } => clients.read(key, count, parcel),
            }
            .unwrap();
        }
        clients.run_timers().unwrap();
    }
    client.join().unwrap();
}

fn can_run() -> bool {
    let checked = uring::check();
    if let Err(reason) = &checked {
        eprintln!("skipped: {reason}");
    }
    checked.is_ok()
}

fn post(stream: &mut TcpStream, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let mut content = vec![0; body.len()];
    stream.read_exact(&mut content).unwrap();
    content
}

#[test]
fn older_kernels_serve_as_well() {
    if !can_run() {
        return;
    }
    for index in 0..Ring::<Session>::create_old_ones().len() {
        let ring = Ring::create_old_ones().swap_remove(index);
        serve(ring, |address| {
            let mut streams: Vec<TcpStream> = (0..3)
                .map(|_| TcpStream::connect(address).unwrap())
                .collect();
            for round in 0..20u8 {
                for (index, stream) in streams.iter_mut().enumerate() {
                    let body = vec![round ^ index as u8; 1 + 5000 * usize::from(round)];
                    assert!(post(stream, &body) == body);
                }
            }
        });
    }
}

/// One answer is being sent and another request is being received, so the kernel has memory of
/// both. That memory must not go back to the allocator.
#[test]
fn a_ring_can_be_dropped_with_operations_in_flight() {
    if !can_run() {
        return;
    }
    for _ in 0..20 {
        let mut streams = Vec::new();
        let (sender, receiver) = std::sync::mpsc::channel();
        serve(Ring::create().unwrap(), move |address| {
            for _ in 0..10 {
                let mut stream = TcpStream::connect(address).unwrap();
                let body = vec![b'x'; 1_000_000];
                let head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n";
                stream.write_all(head).unwrap();
                stream.write_all(&body).unwrap();
                sender.send(stream).unwrap();
            }
        });
        streams.extend(receiver.try_iter());
        // If that memory were free, what arrives would overwrite these.
        let others: Vec<Vec<u8>> = (0..100).map(|_| vec![7; 64 * 1024]).collect();
        for mut stream in streams {
            let _ = stream.write_all(&[b'y'; 100_000]);
        }
        assert!(others.iter().flatten().all(|&byte| byte == 7));
    }
}
