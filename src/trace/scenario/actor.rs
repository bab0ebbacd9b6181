//! One client of a scene: its connection, and what it has recorded of itself.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::trace::{Event, Record, Side, monotonic_ns};

/// A client. The thread that reads its answer shares it.
pub(super) struct Actor {
    name: String,
    number: u32,
    stream: TcpStream,
    port: u16,
    request: Vec<u8>,
    records: Mutex<Vec<Record>>,
}

/// No call of a client lasts longer: the server does not answer.
const CALL_DEADLINE: Duration = Duration::from_secs(30);

impl Actor {
    /// Connects. The connection is in the accept queue when this returns, so that the order of
    /// these calls is the order of the queue.
    pub(super) fn connect(
        server: SocketAddr,
        name: &str,
        number: u32,
        path: Option<&str>,
    ) -> io::Result<Self> {
        let began = monotonic_ns();
        let stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(CALL_DEADLINE))?;
        stream.set_write_timeout(Some(CALL_DEADLINE))?;
        let request = path.map_or_else(Vec::new, |path| {
            format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n").into()
        });
        let actor = Self {
            name: name.to_owned(),
            number,
            port: stream.local_addr()?.port(),
            stream,
            request,
            records: Mutex::default(),
        };
        actor.add(Event::Connecting, began);
        actor.note(Event::Connected);
        Ok(actor)
    }

    /// Sends the request; without its last byte, if `holds_back`.
    pub(super) fn send(&self, holds_back: bool) -> io::Result<()> {
        let length = self.request.len() - usize::from(holds_back);
        // Noted before: the answer may be there as soon as the call returns.
        if !holds_back {
            self.note(Event::Sent);
        }
        (&self.stream).write_all(&self.request[..length])
    }

    /// Sends the last byte of the request.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.note(Event::Sent);
        (&self.stream).write_all(&self.request[self.request.len().saturating_sub(1)..])
    }

    /// Reads the answer to its end, which is the server's close.
    pub(super) fn read_answer(&self) {
        let mut answer = Vec::new();
        let read = (&self.stream).read_to_end(&mut answer);
        match read.is_ok() && answer.starts_with(b"HTTP/1.1 200 ") {
            true => self.note(Event::Answered),
            false => self.note(Event::Failed),
        }
        self.close();
    }

    /// Hangs up.
    pub(super) fn close(&self) {
        self.note(Event::Closed);
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    pub(super) fn has_answer(&self) -> bool {
        let ends = [Event::Answered, Event::Failed];
        self.lock().iter().any(|it| ends.contains(&it.event))
    }

    pub(super) fn into_records(self) -> Vec<Record> {
        self.records
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, event: Event) {
        self.add(event, monotonic_ns());
    }

    fn add(&self, event: Event, ns: u64) {
        self.lock().push(Record {
            port: self.port,
            client: Some(self.number),
            note: Some(self.name.clone()),
            ..Record::new(ns, Side::Client, event)
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
