//! Connections that are open beside those of the load: silent clients, and idle ones.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::workload::Bystanders;

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
    /// Opens them; how many the server takes is part of what is measured.
    pub(super) fn gather(server: SocketAddr, who: Bystanders) -> Crowd {
        let (count, request) = match who {
            Bystanders::Silent(count) => (count, None),
            // The answers are not read: they fit into the socket's buffer.
            Bystanders::Kept(count) => {
                let request = format!("GET / HTTP/1.1\r\nHost: {server}\r\n\r\n");
                (count, Some(request))
            }
        };
        let mut crowd = Crowd {
            connections: Vec::with_capacity(count),
        };
        let mut failed = 0;
        while crowd.connections.len() < count && failed < FAILED_MAX {
            match connect(server, request.as_deref()) {
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

fn connect(server: SocketAddr, request: Option<&str>) -> Option<TcpStream> {
    let mut connection = TcpStream::connect_timeout(&server, CONNECT_TIMEOUT).ok()?;
    if let Some(request) = request {
        connection.write_all(request.as_bytes()).ok()?;
    }
    Some(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn silent_clients_send_nothing_and_kept_ones_a_request() {
        use std::io::Read;
        for (who, expected) in [(Bystanders::Silent(3), ""), (Bystanders::Kept(3), "GET / ")] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let crowd = Crowd::gather(listener.local_addr().unwrap(), who);
            assert_eq!(crowd.len(), 3);
            let (mut first, _) = listener.accept().unwrap();
            drop(crowd);
            let mut sent = String::new();
            first.read_to_string(&mut sent).unwrap();
            assert!(sent.starts_with(expected) && sent.is_empty() == expected.is_empty());
        }
    }

    #[test]
    fn a_server_that_is_not_there_is_given_up_soon() {
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        assert_eq!(Crowd::gather(address, Bystanders::Silent(10_000)).len(), 0);
    }
}
