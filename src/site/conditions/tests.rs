//! Conditional requests for a file with the tag `"now"`, modified on 06 Nov 1994 at 08:49:37.

use super::*;
use std::time::{Duration, UNIX_EPOCH};

const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const SAME: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const MODIFIED: Duration = Duration::from_millis(784_111_777_900);

/// The file, requested `age_s` seconds after it was modified.
fn file(age_s: u64) -> Validators {
    let modified = UNIX_EPOCH + MODIFIED;
    let now = modified + Duration::from_secs(age_s);
    Validators::from_parts("\"now\"".to_owned(), modified, now)
}

fn conditions<'a>(fields: &[(&'a str, &'a str)]) -> Conditions<'a> {
    Conditions::gather(fields.iter().map(|(name, value)| (*name, value.as_bytes())))
}

fn outcome(fields: &[(&str, &str)]) -> Outcome {
    conditions(fields).evaluate(Method::Get, Current::File(&file(60)))
}

#[track_caller]
fn all(expected: Outcome, cases: &[&[(&str, &str)]]) {
    for fields in cases {
        assert_eq!(outcome(fields), expected, "{fields:?}");
    }
}

#[test]
fn without_conditions_everything_is_performed() {
    all(
        Outcome::Perform,
        &[
            &[],
            &[
                ("Host", "x"),
                ("If-Watch", "\"now\""),
                ("Rinse", "x"),
                ("If", "x"),
            ],
        ],
    );
}

#[test]
fn if_none_match_compares_weakly_with_every_tag_of_every_line() {
    all(
        Outcome::NotModified,
        &[
            &[("If-None-Match", "\"now\"")],
            &[("if-none-match", "W/\"now\"")],
            &[("IF-NONE-MATCH", "\"then\", \"now\"")],
            &[("If-None-Match", "\"then\""), ("If-None-Match", "\"now\"")],
            &[("If-None-Match", "*")],
        ],
    );
    all(
        Outcome::Perform,
        &[
            &[("If-None-Match", "\"then\"")],
            &[("If-None-Match", "\"NOW\"")],
            &[("If-None-Match", "now")],
            &[("If-None-Match", "")],
            &[("If-None-Match", "\"*\"")],
        ],
    );
}

#[test]
fn if_modified_since_counts_from_the_second_of_the_modification() {
    all(
        Outcome::NotModified,
        &[
            &[("If-Modified-Since", SAME)],
            &[("If-Modified-Since", AFTER)],
            &[("If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT")],
            &[("If-Modified-Since", "Sun Nov  6 08:49:37 1994")],
        ],
    );
    all(
        Outcome::Perform,
        &[
            &[("If-Modified-Since", BEFORE)],
            &[("If-Modified-Since", "yesterday")],
            &[("If-Modified-Since", "")],
            &[(
                "If-Modified-Since",
                "Sun, 06 Nov 1994 08:49:37 GMT; length=5",
            )],
            &[("If-Modified-Since", SAME), ("If-Modified-Since", SAME)],
        ],
    );
}

#[test]
fn if_none_match_takes_precedence_over_if_modified_since() {
    all(
        Outcome::Perform,
        &[
            &[("If-None-Match", "\"then\""), ("If-Modified-Since", SAME)],
            &[("If-Modified-Since", SAME), ("If-None-Match", "garbage")],
        ],
    );
    all(
        Outcome::NotModified,
        &[&[("If-None-Match", "\"now\""), ("If-Modified-Since", BEFORE)]],
    );
}

#[test]
fn if_match_compares_strongly() {
    all(
        Outcome::Perform,
        &[
            &[("If-Match", "\"now\"")],
            &[("If-Match", "\"then\" , \"now\"")],
            &[("If-Match", "*")],
        ],
    );
    all(
        Outcome::Failed,
        &[
            &[("If-Match", "\"then\"")],
            &[("If-Match", "W/\"now\"")],
            &[("If-Match", "now")],
            &[("If-Match", "")],
        ],
    );
}

#[test]
fn if_unmodified_since_counts_unless_there_is_an_if_match() {
    all(
        Outcome::Perform,
        &[
            &[("If-Unmodified-Since", SAME)],
            &[("If-Unmodified-Since", AFTER)],
            &[("If-Unmodified-Since", "garbage")],
            &[
                ("If-Unmodified-Since", BEFORE),
                ("If-Unmodified-Since", BEFORE),
            ],
            &[("If-Unmodified-Since", BEFORE), ("If-Match", "\"now\"")],
        ],
    );
    all(
        Outcome::Failed,
        &[
            &[("If-Unmodified-Since", BEFORE)],
            &[("If-Unmodified-Since", SAME), ("If-Match", "\"then\"")],
        ],
    );
}

#[test]
fn a_failed_condition_weighs_more_than_a_version_that_they_have() {
    all(
        Outcome::Failed,
        &[
            &[("If-None-Match", "\"now\""), ("If-Match", "\"then\"")],
            &[("If-Modified-Since", SAME), ("If-Unmodified-Since", BEFORE)],
        ],
    );
    all(
        Outcome::NotModified,
        &[&[("If-None-Match", "\"now\""), ("If-Match", "\"now\"")]],
    );
}

#[test]
fn a_range_comes_once_or_is_ignored() {
    let applies = |fields: &[(&str, &str)]| conditions(fields).range(&file(60)).is_some();
    assert!(!applies(&[]));
    assert!(applies(&[("range", "bytes=1-2")]));
    assert!(applies(&[("Range", "bytes=10-")]));
    assert!(!applies(&[("Range", "bytes=1-2"), ("Range", "bytes=1-2")]));
    assert!(!applies(&[("If-Range", "\"now\"")]));
}

#[test]
fn if_range_lets_the_part_through_for_the_same_version_alone() {
    for (if_range, age_s, continues) in [
        ("\"now\"", 0, true),
        ("\"then\"", 60, false),
        ("W/\"now\"", 60, false),
        ("\"now\", \"then\"", 60, false),
        ("*", 60, false),
        ("", 60, false),
        (SAME, 60, true),
        (SAME, 0, false),
        (BEFORE, 60, false),
        (AFTER, 60, false),
        ("garbage", 60, false),
    ] {
        let fields = [("If-Range", if_range), ("Range", "bytes=1-2")];
        let range = conditions(&fields).range(&file(age_s));
        let expected = continues.then_some(&b"bytes=1-2"[..]);
        assert_eq!(range, expected, "{if_range} after {age_s} s");
    }
    let twice = [
        ("If-Range", "\"now\""),
        ("If-Range", "\"now\""),
        ("Range", "bytes=1-2"),
    ];
    assert_eq!(conditions(&twice).range(&file(60)), None);
    // A stale If-Range yields the whole file even where the range would be unsatisfiable.
    let behind = [("If-Range", "\"then\""), ("Range", "bytes=10-")];
    assert_eq!(conditions(&behind).range(&file(60)), None);
}

/// HTTP dates of this server begin in 1970, so all earlier times would share one date.
#[test]
fn a_time_before_1970_makes_no_condition_true() {
    const START: &str = "Thu, 01 Jan 1970 00:00:00 GMT";
    let modified = UNIX_EPOCH - Duration::from_secs(100_000);
    let now = UNIX_EPOCH + MODIFIED;
    let file = Validators::from_parts("\"now\"".to_owned(), modified, now);
    let outcome = |fields| conditions(fields).evaluate(Method::Get, Current::File(&file));
    assert_eq!(outcome(&[("If-Modified-Since", START)]), Outcome::Perform);
    assert_eq!(outcome(&[("If-Modified-Since", SAME)]), Outcome::Perform);
    assert_eq!(outcome(&[("If-Unmodified-Since", START)]), Outcome::Perform);
    let fields = [("If-Range", START), ("Range", "bytes=1-2")];
    assert_eq!(conditions(&fields).range(&file), None);
}

/// The date of each answer is that of the answer itself, so it does not name one version.
#[test]
fn a_time_in_the_future_makes_no_date_valid() {
    let now = UNIX_EPOCH + MODIFIED;
    let file = Validators::from_parts("\"now\"".to_owned(), now + Duration::from_secs(9), now);
    let outcome = |fields| conditions(fields).evaluate(Method::Get, Current::File(&file));
    assert_eq!(outcome(&[("If-Modified-Since", SAME)]), Outcome::Perform);
    assert_eq!(outcome(&[("If-Unmodified-Since", BEFORE)]), Outcome::Failed);
}

#[test]
#[rustfmt::skip]
fn a_resource_without_validators_matches_a_star_alone() {
    use Method::{Get, Head, Post};
    use Outcome::{Failed, NotModified, Perform};
    for (field, value, method, generated, nothing) in [
        ("If-Match", "*", Get, Perform, Failed),
        ("If-Match", "\"a\"", Get, Failed, Failed),
        ("If-Match", "*", Post, Perform, Failed),
        ("If-Match", "\"a\"", Post, Failed, Failed),
        ("If-None-Match", "*", Get, NotModified, Perform),
        ("If-None-Match", "*", Head, NotModified, Perform),
        ("If-None-Match", "*", Post, Failed, Perform),
        ("If-None-Match", "\"a\"", Get, Perform, Perform),
        ("If-Modified-Since", AFTER, Get, Perform, Perform),
        ("If-Unmodified-Since", BEFORE, Get, Perform, Perform),
    ] {
        let fields = [(field, value)];
        let conditions = conditions(&fields);
        let outcome = |current| conditions.evaluate(method, current);
        assert_eq!(outcome(Current::Generated), generated, "{method:?} {field}: {value}");
        assert_eq!(outcome(Current::Nothing), nothing, "{method:?} {field}: {value}");
    }
}
