//! Conditional requests (RFC 9110 §13): what a client requires of the version of a resource.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `validators` | which version of a file this is: ETag and Last-Modified |
//! | `entity_tag` | how lists of entity tags are written and compared |

mod entity_tag;
mod validators;

use std::time::SystemTime;

use crate::http::{Method, Request, Response, Status};
use entity_tag::{EntityTag, Tags};
pub(super) use validators::Validators;

/// The state of the target resource, with which a client's conditions are compared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Current<'a> {
    /// There is no representation: GET is not allowed on the resource.
    Nothing,
    /// A representation without validators: the server generates it for each request.
    Generated,
    /// A representation with these validators.
    File(&'a Validators),
}

/// Applies the conditions of a request to the answer that a route without validators would give.
///
/// They only count if the answer would be a success otherwise (RFC 9110 §13.2.1). The routes of
/// this site change nothing, so the conditions may be evaluated behind them.
pub(super) fn apply(request: &Request<'_>, current: Current<'_>, response: Response) -> Response {
    if response.status().code() / 100 != 2 {
        return response;
    }
    match Conditions::gather(request.fields()).evaluate(request.method(), current) {
        Outcome::Perform => response,
        Outcome::NotModified => response.into_not_modified(),
        Outcome::Failed => Response::sentence(
            Status::PRECONDITION_FAILED,
            "the resource is not in the state that the request asks for",
        ),
    }
}

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

    /// Evaluates the conditions in the order of RFC 9110 §13.2.2. A tag is more precise than a
    /// date, so a field with tags overrides the one with a date.
    pub(super) fn evaluate(&self, method: Method, current: Current<'_>) -> Outcome {
        let reads = matches!(method, Method::Get | Method::Head);
        if !self.is_the_version_meant(current) {
            Outcome::Failed
        } else if !self.is_the_version_they_have(current, reads) {
            Outcome::Perform
        } else if reads {
            Outcome::NotModified
        } else {
            Outcome::Failed
        }
    }

    /// Evaluates If-Match or, without it, If-Unmodified-Since.
    fn is_the_version_meant(&self, current: Current<'_>) -> bool {
        if self.if_match.is_empty() {
            let date = date(&self.if_unmodified_since).zip(current.modified());
            date.is_none_or(|(date, modified)| modified <= date)
        } else {
            any_matches(&self.if_match, current, EntityTag::matches_strongly)
        }
    }

    /// Evaluates If-None-Match or, without it, If-Modified-Since, which is for GET and HEAD alone.
    fn is_the_version_they_have(&self, current: Current<'_>, reads: bool) -> bool {
        if self.if_none_match.is_empty() {
            let date = date(&self.if_modified_since).zip(current.modified_exactly());
            date.is_some_and(|(date, modified)| reads && modified <= date)
        } else {
            any_matches(&self.if_none_match, current, EntityTag::matches_weakly)
        }
    }

    /// The value of Range, if it is to be applied to this file.
    pub(super) fn range(&self, file: &Validators) -> Option<&'a [u8]> {
        only(&self.range).filter(|_| self.continues(file))
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
            (Some(theirs), _) => tag_of(file).is_some_and(|tag| tag.matches_strongly(theirs)),
            (None, Some(date)) => file.is_settled() && file.modified() == Some(date),
            (None, None) => false,
        }
    }
}

impl Current<'_> {
    /// The time of the last modification; a time in the future counts as now.
    fn modified(self) -> Option<SystemTime> {
        match self {
            Self::File(file) => file.modified(),
            Self::Nothing | Self::Generated => None,
        }
    }

    /// The time of the last modification, if it is not in the future: there, one date would stand
    /// for several versions.
    fn modified_exactly(self) -> Option<SystemTime> {
        match self {
            Self::File(file) if file.is_from_the_future() => None,
            _ => self.modified(),
        }
    }
}

/// Whether one of the listed tags is the current one; `*` matches every representation.
fn any_matches<'a>(
    lines: &[&'a [u8]],
    current: Current<'a>,
    same: fn(EntityTag<'a>, EntityTag<'a>) -> bool,
) -> bool {
    let current = match current {
        Current::Nothing => return false,
        Current::Generated => None,
        Current::File(file) => tag_of(file),
    };
    let is_current = |theirs| current.is_some_and(|tag| same(tag, theirs));
    lines
        .iter()
        .any(|line| *line == b"*" || Tags(line).any(is_current))
}

fn tag_of(file: &Validators) -> Option<EntityTag<'_>> {
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
mod tests;
