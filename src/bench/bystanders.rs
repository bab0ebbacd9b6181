//! Connections that are open beside those of the load and ask for nothing more. (Clients that take
//! their time are the generator's own.)

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long one connection may take. A server whose accept queue is full lets a client wait for a
/// second and longer, until the client's kernel tries again.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(200);
/// After so many connections in vain, the rest are not tried: the server takes no more.
const FAILED_MAX: usize = 3;

/// The connections, for as long as this lives.
pub(super) struct Crowd {
    connections: Vec<TcpStream>,
}

impl Crowd {
    /// Opens so many and asks once over each; how many the server takes is part of what is
    /// measured. The answers are not read: they fit into the socket's buffer.
    pub(super) fn gather(server: SocketAddr, count: usize) -> Crowd {
        let request = format!("GET / HTTP/1.1\r\nHost: {server}\r\n\r\n");
        let mut crowd = Crowd {
            connections: Vec::with_capacity(count),
        };
        let mut failed = 0;
        while crowd.connections.len() < count && failed < FAILED_MAX {
            match connect(server, &request) {
                Some(connection) => crowd.connections.push(connection),
                None => failed += 1,
            }
        }
        crowd
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }
}

fn connect(server: SocketAddr, request: &str) -> Option<TcpStream> {
    let mut connection = TcpStream::connect_timeout(&server, CONNECT_TIMEOUT).ok()?;
    connection.write_all(request.as_bytes()).ok()?;
    Some(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn idle_clients_ask_once_and_stay() {
        use std::io::Read;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let crowd = Crowd::gather(listener.local_addr().unwrap(), 3);
        assert_eq!(crowd.len(), 3);
        let (mut first, _) = listener.accept().unwrap();
        drop(crowd);
        let mut sent = String::new();
        first.read_to_string(&mut sent).unwrap();
        assert_eq!(sent.matches("GET / ").count(), 1);
    }

    #[test]
    fn a_server_that_is_not_there_is_given_up_soon() {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        assert_eq!(Crowd::gather(address, 10_000).len(), 0);
    }
}
