//! A count of each kind of failure.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::Failure;

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

    /// How many failed in all, on either side.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many failed on this machine: ports, descriptors, memory.
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
}
