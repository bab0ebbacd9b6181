//! Servers that break the protocol in one way each, on threads of the test itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::sys::socket::{Shutdown, setsockopt, shutdown, sockopt};

/// A proper answer.
pub(crate) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A proper answer, and the last on its connection.
pub(crate) const LAST: &[u8] =
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

/// A server that gives every connection a thread with the same behaviour. It ends with the test
/// process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Requests read so far, over all connections.
    pub(crate) requests: Arc<AtomicUsize>,
}

/// One connection as a behaviour sees it.
pub(crate) struct Client {
    stream: TcpStream,
    requests: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn start(behave: impl Fn(Client) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let (counter, behave) = (Arc::clone(&requests), Arc::new(behave));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (requests, behave) = (Arc::clone(&counter), Arc::clone(&behave));
                thread::spawn(move || behave(Client { stream, requests }));
            }
        });
        Self { address, requests }
    }

    /// A server that sends these bytes for every request, and keeps the connection.
    pub(crate) fn answering(answer: &'static [u8]) -> Self {
        Self::start(move |mut client| {
            while client.read_request().is_some() {
                client.send(answer);
            }
        })
    }

    /// A server that sends these bytes for every request, then closes the connection.
    pub(crate) fn closing_after(answer: &'static [u8]) -> Self {
        Self::start(move |mut client| {
            if client.read_request().is_some() {
                client.send(answer);
            }
        })
    }

    /// Answers one request and stops listening before the answer: the next connection is refused.
    pub(crate) fn gone_after_one() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let requests = Arc::clone(&counter);
                let mut client = Client { stream, requests };
                if client.read_request().is_some() {
                    stop_listening(&listener);
                    client.send(LAST);
                }
            }
            thread::park();
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Client {
    /// The next request's head; `None` if the client has gone (as the probe does at once).
    pub(crate) fn read_request(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return None,
            }
        }
        self.requests.fetch_add(1, Ordering::SeqCst);
        String::from_utf8(head).ok()
    }

    /// Reads the body of a request, of so many bytes.
    pub(crate) fn read_body(&mut self, bytes: usize) {
        let _ = self.stream.read_exact(&mut vec![0; bytes]);
    }

    /// Sends. A client that has gone meanwhile is no error.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Sends each byte as a segment of its own.
    pub(crate) fn dribble(&mut self, bytes: &[u8]) {
        self.stream.set_nodelay(true).unwrap();
        for byte in bytes {
            self.send(&[*byte]);
        }
    }

    /// Closes with a reset instead of in good order (SO_LINGER of 0 s, socket(7)).
    pub(crate) fn reset(self) {
        let linger = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        setsockopt(&self.stream, sockopt::Linger, &linger).unwrap();
    }

    /// Keeps the connection and sends nothing until the client hangs up.
    pub(crate) fn hang(mut self) {
        let _ = self.stream.read_to_end(&mut Vec::new());
    }
}

/// Closing the listener would not suffice: a child that another test is just starting may hold a
/// copy of it until exec. And an open listener keeps other processes from the port.
fn stop_listening(listener: &TcpListener) {
    shutdown(listener.as_raw_fd(), Shutdown::Both).unwrap();
}
