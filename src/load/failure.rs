//! The kinds of failure, and a count of each.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nobody listens (ECONNREFUSED), or the network cannot get there.
    Refused,
    /// The server reset the connection before any byte of an answer.
    ResetBeforeFirstByte,
    /// The server reset the connection in the middle of an answer.
    ResetAfterFirstByte,
    /// The server closed the connection in good order before the answer was whole, or before it
    /// began.
    ClosedEarly,
    /// The answer was not whole in time.
    Timeout,
    /// The answer is not HTTP/1.x, or its framing contradicts itself.
    BadResponse,
    /// More bytes than the answer's framing says, or not the length that the plan demands.
    WrongBody,
    /// A proper answer with a status of 400 or more.
    Status,
    /// Out of local ports (EADDRNOTAVAIL).
    ClientPorts,
    /// Out of descriptors (EMFILE, ENFILE).
    ClientDescriptors,
    /// Any other error on this side, such as lack of memory.
    ClientOther,
}

impl Failure {
    /// Every kind, in the order in which people read them.
    pub const ALL: [Self; 11] = [
        Self::Refused,
        Self::ResetBeforeFirstByte,
        Self::ResetAfterFirstByte,
        Self::ClosedEarly,
        Self::Timeout,
        Self::BadResponse,
        Self::WrongBody,
        Self::Status,
        Self::ClientPorts,
        Self::ClientDescriptors,
        Self::ClientOther,
    ];

    /// The kind's name in tables and results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::ResetBeforeFirstByte => "reset_before_first_byte",
            Self::ResetAfterFirstByte => "reset_after_first_byte",
            Self::ClosedEarly => "closed_early",
            Self::Timeout => "timeout",
            Self::BadResponse => "bad_response",
            Self::WrongBody => "wrong_body",
            Self::Status => "status",
            Self::ClientPorts => "client_out_of_ports",
            Self::ClientDescriptors => "client_out_of_descriptors",
            Self::ClientOther => "client_other",
        }
    }

    /// Whether this side is to blame, which says nothing about the server.
    pub fn is_client(self) -> bool {
        matches!(
            self,
            Self::ClientPorts | Self::ClientDescriptors | Self::ClientOther
        )
    }

    /// What an errno of socket(2), connect(2), read(2) or write(2) means. `answering` tells
    /// whether a byte of the answer has arrived.
    pub(super) fn of(errno: Errno, answering: bool) -> Self {
        match errno {
            Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::ENETUNREACH => Self::Refused,
            // EPIPE is what a write meets after the reset has been noticed.
            Errno::ECONNRESET | Errno::EPIPE | Errno::ECONNABORTED if answering => {
                Self::ResetAfterFirstByte
            }
            Errno::ECONNRESET | Errno::EPIPE | Errno::ECONNABORTED => Self::ResetBeforeFirstByte,
            Errno::ETIMEDOUT => Self::Timeout,
            Errno::EADDRNOTAVAIL => Self::ClientPorts,
            Errno::EMFILE | Errno::ENFILE => Self::ClientDescriptors,
            _ => Self::ClientOther,
        }
    }
}

/// How many requests failed, kind by kind. As JSON: an object with one number per kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<String, u64>", try_from = "BTreeMap<String, u64>")]
pub struct Errors {
    /// Indexed by [`Failure`], in the order of [`Failure::ALL`].
    counts: [u64; Failure::ALL.len()],
}

impl Errors {
    /// Counts one more.
    pub fn count(&mut self, failure: Failure) {
        self.counts[failure as usize] += 1;
    }

    /// How many failed in this way.
    pub fn get(&self, failure: Failure) -> u64 {
        self.counts[failure as usize]
    }

    /// How many failed in all, whoever is to blame.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many failed on this side: ports, descriptors, memory.
    pub fn client_total(&self) -> u64 {
        Failure::ALL
            .iter()
            .filter(|kind| kind.is_client())
            .map(|kind| self.get(*kind))
            .sum()
    }

    /// Every kind with its count, zeros included.
    pub fn kinds(&self) -> impl Iterator<Item = (Failure, u64)> {
        Failure::ALL.into_iter().map(|kind| (kind, self.get(kind)))
    }

    /// Every kind's name with its count, zeros included.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.kinds().map(|(kind, count)| (kind.name(), count))
    }
}

impl AddAssign<&Errors> for Errors {
    fn add_assign(&mut self, other: &Errors) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
    }
}

impl From<Errors> for BTreeMap<String, u64> {
    fn from(errors: Errors) -> Self {
        errors
            .iter()
            .map(|(name, count)| (name.to_owned(), count))
            .collect()
    }
}

impl TryFrom<BTreeMap<String, u64>> for Errors {
    type Error = String;

    fn try_from(named: BTreeMap<String, u64>) -> Result<Self, String> {
        let mut errors = Self::default();
        for (name, count) in named {
            let kind = Failure::ALL.into_iter().find(|kind| kind.name() == name);
            let kind = kind.ok_or_else(|| format!("unknown kind of error '{name}'"))?;
            errors.counts[kind as usize] = count;
        }
        Ok(errors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_place_and_name() {
        for (index, kind) in Failure::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
            let mut errors = Errors::default();
            errors.count(kind);
            assert_eq!((errors.get(kind), errors.total()), (1, 1));
            assert_eq!(errors.client_total(), u64::from(kind.is_client()));
            let named: Vec<_> = errors.iter().filter(|(_, count)| *count > 0).collect();
            assert_eq!(named, [(kind.name(), 1)]);
        }
    }

    #[test]
    fn json_comes_back_as_it_was() {
        let mut errors = Errors::default();
        errors.count(Failure::Timeout);
        errors.count(Failure::ClientPorts);
        let json = serde_json::to_string(&errors).unwrap();
        assert!(
            json.contains(r#""timeout":1"#) && json.contains(r#""refused":0"#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<Errors>(&json).unwrap(), errors);
        assert!(serde_json::from_str::<Errors>(r#"{"gone":1}"#).is_err());
    }

    #[test]
    fn errnos_are_told_apart() {
        assert_eq!(
            Failure::of(Errno::ECONNRESET, false),
            Failure::ResetBeforeFirstByte
        );
        assert_eq!(
            Failure::of(Errno::ECONNRESET, true),
            Failure::ResetAfterFirstByte
        );
        assert_eq!(
            Failure::of(Errno::EADDRNOTAVAIL, false),
            Failure::ClientPorts
        );
        assert_eq!(
            Failure::of(Errno::EMFILE, false),
            Failure::ClientDescriptors
        );
        assert_eq!(Failure::of(Errno::ENOMEM, false), Failure::ClientOther);
    }
}
