//! What comes before the first request: with `--proxy-protocol`, a balancer's header.

use std::net::SocketAddr;

use crate::http::proxy;

/// How far it is.
#[derive(Debug)]
pub(super) enum Preface {
    /// Nothing, or it has come and names no client.
    Nothing,
    /// A header of the PROXY protocol is still to come.
    Awaited,
    /// It has come. On the heap, because most servers expect none.
    Client(Box<SocketAddr>),
    /// What came instead.
    Fault(&'static str),
}

impl Preface {
    pub(super) fn expected(is_expected: bool) -> Self {
        match is_expected {
            true => Self::Awaited,
            false => Self::Nothing,
        }
    }

    pub(super) fn is_awaited(&self) -> bool {
        matches!(self, Self::Awaited)
    }

    /// The client on whose behalf a balancer has opened the connection, if it has said so.
    pub(super) fn client(&self) -> Option<SocketAddr> {
        match self {
            Self::Client(address) => Some(**address),
            _ => None,
        }
    }

    /// What has come instead of a header.
    pub(super) fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Fault(fault) => Some(fault),
            _ => None,
        }
    }

    /// Looks for a header at the beginning of the input: how many bytes it has.
    #[cold]
    pub(super) fn advance(&mut self, input: &[u8]) -> usize {
        let (next, length) = match proxy::parse(input) {
            Ok(None) => return 0,
            Ok(Some(header)) => match header.client {
                Some(client) => (Self::Client(Box::new(client)), header.length),
                None => (Self::Nothing, header.length),
            },
            Err(fault) => (Self::Fault(fault), 0),
        };
        *self = next;
        length
    }

    /// No more of a header will be taken. If a part of it has come, that is a fault.
    pub(super) fn give_up(&mut self, input: &[u8], fault: &'static str) {
        if self.is_awaited() && !input.is_empty() {
            *self = Self::Fault(fault);
        }
    }
}
