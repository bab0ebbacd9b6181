//! A client for labs that watch single requests: one connection, one thread, no hurry.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take. Labs wait on purpose, but never this long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// A connection to a server.
pub(super) struct Client {
    connection: BufReader<TcpStream>,
    authority: SocketAddr,
}

impl Client {
    pub(super) fn connect(server: SocketAddr) -> io::Result<Client> {
        let connection = TcpStream::connect_timeout(&server, ANSWER_TIMEOUT)?;
        connection.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        connection.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Client {
            connection: BufReader::new(connection),
            authority: server,
        })
    }

    /// Sends `GET path`, and asks for the connection to be kept, or closed.
    pub(super) fn send(&mut self, path: &str, keeps: bool) -> io::Result<()> {
        let close = if keeps { "" } else { "Connection: close\r\n" };
        let host = self.authority;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{close}\r\n");
        self.connection.get_mut().write_all(request.as_bytes())
    }

    /// The body of the next answer, whose status has to be 200.
    pub(super) fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.connection.read_line(&mut line)?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let is_ok = line.starts_with("HTTP/1.1 200") || line.starts_with("HTTP/1.0 200");
        let mut length = None;
        let status = line.trim_end().to_owned();
        loop {
            line.clear();
            self.connection.read_line(&mut line)?;
            let field = line.trim_end();
            if field.is_empty() {
                break;
            }
            if let Some((name, value)) = field.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse::<usize>().ok();
            }
        }
        if !is_ok {
            return Err(io::Error::other(format!("the answer was '{status}'")));
        }
        let mut body = String::new();
        match length {
            Some(length) => {
                let mut bytes = vec![0; length];
                self.connection.read_exact(&mut bytes)?;
                body = String::from_utf8_lossy(&bytes).into_owned();
            }
            None => {
                self.connection.read_to_string(&mut body)?;
            }
        }
        Ok(body)
    }

    /// Waits so long for the beginning of an answer, or for the end of the connection. Returns
    /// whether one of them came.
    pub(super) fn waits(&mut self, patience: Duration) -> io::Result<bool> {
        self.connection.get_ref().set_read_timeout(Some(patience))?;
        let came = self.connection.fill_buf().map(drop);
        let usual = Some(ANSWER_TIMEOUT);
        self.connection.get_ref().set_read_timeout(usual)?;
        match came {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            _ => Ok(true),
        }
    }

    /// The connection alone, which stays open as long as this is kept.
    pub(super) fn into_connection(self) -> TcpStream {
        self.connection.into_inner()
    }

    /// One request over a connection that stays open.
    pub(super) fn ask(&mut self, path: &str) -> io::Result<String> {
        self.send(path, true)?;
        self.answer()
    }
}

/// One request over a connection of its own.
pub(super) fn ask(server: SocketAddr, path: &str) -> io::Result<String> {
    let mut client = Client::connect(server)?;
    client.send(path, false)?;
    client.answer()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    fn answered_with(text: &'static str) -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut asked = [0; 16];
            connection.read_exact(&mut asked).unwrap();
            connection.write_all(text.as_bytes()).unwrap();
            // Otherwise what is unread would reset the connection before the answer is read.
            connection.shutdown(std::net::Shutdown::Write).unwrap();
            io::copy(&mut connection, &mut io::sink()).unwrap();
        });
        let answer = ask(address, "/pid");
        server.join().unwrap();
        answer
    }

    #[test]
    fn an_answer_ends_by_its_length_or_with_the_connection() {
        let sized = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi, and more";
        assert_eq!(answered_with(sized).unwrap(), "hi");
        assert_eq!(answered_with("HTTP/1.0 200 OK\r\n\r\nall").unwrap(), "all");
    }

    #[test]
    fn a_client_waits_until_an_answer_begins() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = Client::connect(listener.local_addr().unwrap()).unwrap();
        let (mut connection, _) = listener.accept().unwrap();
        assert!(!client.waits(Duration::from_millis(1)).unwrap());
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
        connection.write_all(answer.as_bytes()).unwrap();
        assert!(client.waits(ANSWER_TIMEOUT).unwrap());
        assert_eq!(client.answer().unwrap(), "hi");
    }

    #[test]
    fn another_status_is_an_error_and_so_is_none() {
        let gone = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
        assert!(answered_with(gone).unwrap_err().to_string().contains("404"));
        assert!(answered_with("").is_err());
    }
}
