//! Conditional requests (RFC 9110 §13): what a client requires of the version of a file.

use std::time::SystemTime;

use super::entity_tag::{EntityTag, Tags};
use super::range::Part;
use super::validators::Validators;

/// The fields that make a request conditional or partial: all lines of each, in order.
#[derive(Debug, Default)]
pub(super) struct Conditions<'a> {
    if_match: Vec<&'a [u8]>,
    if_none_match: Vec<&'a [u8]>,
    if_modified_since: Vec<&'a [u8]>,
    if_unmodified_since: Vec<&'a [u8]>,
    if_range: Vec<&'a [u8]>,
    range: Vec<&'a [u8]>,
}

/// The result of evaluating the conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All conditions hold: perform the method.
    Perform,
    /// The client has this version already: 304.
    NotModified,
    /// The file is not the version that the client requires: 412.
    Failed,
}

impl<'a> Conditions<'a> {
    /// Collects the conditions from the fields of a request, whose values have been trimmed.
    pub(super) fn gather(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut found = Self::default();
        for (name, value) in fields {
            if let Some(lines) = found.lines(name) {
                lines.push(value);
            }
        }
        found
    }

    fn lines(&mut self, name: &str) -> Option<&mut Vec<&'a [u8]>> {
        let known = [
            ("if-match", &mut self.if_match),
            ("if-none-match", &mut self.if_none_match),
            ("if-modified-since", &mut self.if_modified_since),
            ("if-unmodified-since", &mut self.if_unmodified_since),
            ("if-range", &mut self.if_range),
            ("range", &mut self.range),
        ];
        let mut found = known
            .into_iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, lines)| lines)
    }

    /// Evaluates the conditions in the order of RFC 9110 §13.2.2, for GET and HEAD of a file that
    /// exists. A tag is more precise than a date, so a field with tags overrides the one with a
    /// date.
    pub(super) fn evaluate(&self, file: &Validators) -> Outcome {
        if !self.is_the_version_meant(file) {
            Outcome::Failed
        } else if self.is_the_version_they_have(file) {
            Outcome::NotModified
        } else {
            Outcome::Perform
        }
    }

    /// Evaluates If-Match or, without it, If-Unmodified-Since.
    fn is_the_version_meant(&self, file: &Validators) -> bool {
        if self.if_match.is_empty() {
            date(&self.if_unmodified_since).is_none_or(|date| file.modified() <= date)
        } else {
            any_matches(&self.if_match, file, EntityTag::matches_strongly)
        }
    }

    /// Evaluates If-None-Match or, without it, If-Modified-Since.
    fn is_the_version_they_have(&self, file: &Validators) -> bool {
        if self.if_none_match.is_empty() {
            date(&self.if_modified_since).is_some_and(|date| file.modified() <= date)
        } else {
            any_matches(&self.if_none_match, file, EntityTag::matches_weakly)
        }
    }

    /// The part of a file of `size` bytes that a GET asks for with Range and If-Range.
    pub(super) fn part(&self, file: &Validators, size: u64) -> Part {
        match only(&self.range) {
            Some(range) if self.continues(file) => Part::select(range, size),
            _ => Part::Whole,
        }
    }

    /// Evaluates If-Range: whether the client has the rest of this same version. If in doubt, the
    /// client gets the whole file: parts of two versions must never be put together (RFC 9110
    /// §13.1.5).
    fn continues(&self, file: &Validators) -> bool {
        let Some(value) = only(&self.if_range) else {
            // No If-Range means no condition. Two values contradict each other.
            return self.if_range.is_empty();
        };
        match (EntityTag::parse(value), http_date(value)) {
            (Some(theirs), _) => current(file).is_some_and(|tag| tag.matches_strongly(theirs)),
            (None, Some(date)) => file.is_settled() && file.modified() == date,
            (None, None) => false,
        }
    }
}

/// Whether one of the listed tags is the file's; `*` matches every tag.
fn any_matches<'a>(
    lines: &[&'a [u8]],
    file: &'a Validators,
    same: fn(EntityTag<'a>, EntityTag<'a>) -> bool,
) -> bool {
    let is_current = |theirs| current(file).is_some_and(|tag| same(tag, theirs));
    lines
        .iter()
        .any(|line| *line == b"*" || Tags(line).any(is_current))
}

fn current(file: &Validators) -> Option<EntityTag<'_>> {
    EntityTag::parse(file.tag().as_bytes())
}

/// The date in a field that occurs once. A malformed or repeated field is ignored, as RFC 9110
/// §13.1.3 and §13.1.4 require.
fn date(lines: &[&[u8]]) -> Option<SystemTime> {
    only(lines).and_then(http_date)
}

/// A date in any of the three formats of RFC 9110 §5.6.7.
fn http_date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()
}

/// The value of a field that occurs once.
fn only<'a>(lines: &[&'a [u8]]) -> Option<&'a [u8]> {
    match lines {
        [line] => Some(line),
        _ => None,
    }
}

#[cfg(test)]
#[path = "conditions_tests.rs"]
mod tests;
