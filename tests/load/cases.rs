//! Inputs that once gave a wrong result, each with the right one.

mod answers;
mod connections;
mod ends;
mod terminal;

use super::*;

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::Mutex;

use nix::sys::socket::{Backlog, Shutdown, listen, shutdown};
use servers::load::{self, Address, Amount, Plan, Target, Watch};

/// A server on a listener of the test's own, which can be taken away.
struct Mortal {
    address: SocketAddr,
    listener: TcpListener,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    accepted: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
}

impl Mortal {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            listener: listener.try_clone().unwrap(),
            streams: Arc::default(),
            accepted: Arc::default(),
            answered: Arc::default(),
        };
        let (streams, accepted) = (Arc::clone(&server.streams), Arc::clone(&server.accepted));
        let answered = Arc::clone(&server.answered);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                accepted.fetch_add(1, Relaxed);
                streams.lock().unwrap().push(stream.try_clone().unwrap());
                let answered = Arc::clone(&answered);
                thread::spawn(move || answer_all(stream, &answered));
            }
        });
        server
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn wait_for_answers(&self, count: usize) {
        let deadline = Instant::now() + DEADLINE;
        while self.answered.load(Relaxed) < count {
            assert!(Instant::now() < deadline, "no {count} answers");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops accepting. Connections that exist stay open.
    fn stop_accepting(&self) {
        shutdown(self.listener.as_raw_fd(), Shutdown::Both).unwrap();
    }

    fn die(&self) {
        self.stop_accepting();
        for stream in self.streams.lock().unwrap().iter() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn answer_all(mut stream: TcpStream, answered: &AtomicUsize) {
    let mut buffer = [0; 4096];
    while let Ok(1..) = std::io::Read::read(&mut stream, &mut buffer) {
        answered.fetch_add(1, Relaxed);
        if stream.write_all(OK).is_err() {
            return;
        }
    }
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn marks(report: &Value) -> Vec<&str> {
    let marks = report["marks"].as_array().unwrap();
    marks
        .iter()
        .map(|mark| mark["mark"].as_str().unwrap())
        .collect()
}

/// A listener whose accept queue is full, so that the kernel drops every SYN, with the connections
/// that fill it.
fn full_listener() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut filling = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        filling.push(stream);
    }
    (listener, filling)
}
