//! A row of the table: the bytes to send, and the answers that must come.

use crate::support::wire::Answer;

/// One case.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// The section of the RFC that requires it, and its subject.
    pub(crate) name: &'static str,
    pub(crate) send: &'static [u8],
    pub(crate) answers: &'static [Expect],
    pub(crate) then: Then,
}

/// What the server must do with the connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Keep it, and answer the next request on it.
    Keeps,
    /// Close it: the last answer says `close`, and no request behind it is processed.
    Closes,
    /// As [`Then::Closes`]. The client itself asked to close and then sent more, which RFC 9112
    /// §9.6 forbids. Bytes that arrive after the close reset the connection; the client has the
    /// answer before that.
    ClosesEarly,
    /// Answer and close, since the client shuts down its sending side. No answer says `close`.
    HalfClosed,
}

/// What must hold for an answer.
#[derive(Clone, Copy)]
pub(crate) struct Expect {
    status: u16,
    lines: &'static [&'static str],
    without: &'static [&'static str],
    content: Content,
}

#[derive(Clone, Copy)]
enum Content {
    Text(&'static [u8]),
    /// The letter x, this many times.
    Xs(usize),
    /// One sentence that starts with the status.
    Sentence,
    /// None, although Content-Length announces this many bytes: the request was a HEAD.
    Announced(Option<usize>),
    /// None, and no Content-Length.
    Bodiless,
}

pub(crate) const fn keeps(
    name: &'static str,
    send: &'static str,
    answers: &'static [Expect],
) -> Case {
    Case::new(name, send.as_bytes(), answers, Then::Keeps)
}

pub(crate) const fn closes(
    name: &'static str,
    send: &'static str,
    answers: &'static [Expect],
) -> Case {
    Case::new(name, send.as_bytes(), answers, Then::Closes)
}

/// As [`closes`], but the client sends more behind its request to close.
pub(crate) const fn closes_early(
    name: &'static str,
    send: &'static str,
    answers: &'static [Expect],
) -> Case {
    Case::new(name, send.as_bytes(), answers, Then::ClosesEarly)
}

pub(crate) const fn half_closes(
    name: &'static str,
    send: &'static str,
    answers: &'static [Expect],
) -> Case {
    Case::new(name, send.as_bytes(), answers, Then::HalfClosed)
}

const BAD: &[Expect] = &[refused(400)];

/// A request that the parser refuses with 400 and a close.
pub(crate) const fn bad(name: &'static str, send: &'static str) -> Case {
    closes(name, send, BAD)
}

/// As [`bad`], with bytes that are not UTF-8.
pub(crate) const fn bad_bytes(name: &'static str, send: &'static [u8]) -> Case {
    Case::new(name, send, BAD, Then::Closes)
}

impl Case {
    pub(crate) const fn new(
        name: &'static str,
        send: &'static [u8],
        answers: &'static [Expect],
        then: Then,
    ) -> Self {
        Self {
            name,
            send,
            answers,
            then,
        }
    }
}

/// 200 with this content.
pub(crate) const fn ok(text: &'static str) -> Expect {
    ok_bytes(text.as_bytes())
}

pub(crate) const fn ok_bytes(bytes: &'static [u8]) -> Expect {
    Expect::new(200, Content::Text(bytes))
}

/// 200 with `count` times the letter x.
pub(crate) const fn xs(count: usize) -> Expect {
    Expect::new(200, Content::Xs(count))
}

/// An error with one sentence for people.
pub(crate) const fn refused(status: u16) -> Expect {
    Expect::new(status, Content::Sentence)
}

/// An error with exactly this text.
pub(crate) const fn refused_because(status: u16, text: &'static str) -> Expect {
    Expect::new(status, Content::Text(text.as_bytes()))
}

/// The answer to a HEAD.
pub(crate) const fn head(status: u16, announced: usize) -> Expect {
    Expect::new(status, Content::Announced(Some(announced)))
}

/// The answer to a HEAD that is refused; the length of the sentence does not matter.
pub(crate) const fn head_refused(status: u16) -> Expect {
    Expect::new(status, Content::Announced(None))
}

/// 204.
pub(crate) const fn no_content() -> Expect {
    Expect::new(204, Content::Bodiless).without(&["Content-Length", "Transfer-Encoding"])
}

/// 304.
pub(crate) const fn not_modified() -> Expect {
    Expect::new(304, Content::Bodiless)
}

impl Expect {
    const fn new(status: u16, content: Content) -> Self {
        Self {
            status,
            lines: &[],
            without: &[],
            content,
        }
    }

    /// The answer must hold exactly these field lines.
    pub(crate) const fn with(mut self, lines: &'static [&'static str]) -> Self {
        self.lines = lines;
        self
    }

    /// The answer must hold no field of these names.
    pub(crate) const fn without(mut self, names: &'static [&'static str]) -> Self {
        self.without = names;
        self
    }

    /// Whether the answer has no content, whatever its fields announce.
    pub(crate) fn is_bodiless(&self) -> bool {
        matches!(self.content, Content::Announced(_) | Content::Bodiless)
    }

    /// Checks an answer. An error says what is wrong with it.
    pub(crate) fn check(&self, answer: &Answer) -> Result<(), String> {
        let fail = |what: String| Err(format!("{what} in {:?}", answer.lines));
        if answer.status() != self.status {
            return fail(format!("not {}", self.status));
        }
        if let Some(line) = self
            .lines
            .iter()
            .find(|&&line| !answer.lines.iter().any(|l| l == line))
        {
            return fail(format!("no {line:?}"));
        }
        if let Some(name) = self
            .without
            .iter()
            .find(|name| answer.field(name).is_some())
        {
            return fail(format!("a {name}"));
        }
        check_head(answer)?;
        self.check_content(answer)
    }

    fn check_content(&self, answer: &Answer) -> Result<(), String> {
        let length = answer
            .field("Content-Length")
            .and_then(|text| text.parse().ok());
        let right = match self.content {
            Content::Text(bytes) => answer.body == bytes && length == Some(bytes.len()),
            Content::Xs(count) => {
                answer.body.len() == count && answer.body.iter().all(|&byte| byte == b'x')
            }
            Content::Sentence => {
                let start = answer.lines[0].trim_start_matches("HTTP/1.1 ").to_owned() + ": ";
                let text = answer.text();
                text.starts_with(&start) && text.ends_with('\n') && text.lines().count() == 1
            }
            Content::Announced(announced) => {
                length.is_some_and(|length| announced.is_none_or(|announced| announced == length))
            }
            Content::Bodiless => length.is_none(),
        };
        if right {
            return Ok(());
        }
        let start = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]);
        Err(format!("wrong content {start:?} in {:?}", answer.lines))
    }
}

/// Checks what must hold for every answer: a status line with a reason phrase, well-formed fields,
/// no framing field twice, and a Date (RFC 9110 §6.6.1).
fn check_head(answer: &Answer) -> Result<(), String> {
    let fail = |what: &str| Err(format!("{what} in {:?}", answer.lines));
    let status = answer.lines[0]
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.split_once(' '));
    if !status.is_some_and(|(code, reason)| code.len() == 3 && !reason.is_empty()) {
        return fail("a malformed status line");
    }
    let is_field = |line: &String| {
        line.split_once(": ").is_some_and(|(name, value)| {
            name.bytes()
                .all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
                && !value.bytes().any(|byte| byte.is_ascii_control())
        })
    };
    if !answer.lines[1..].iter().all(is_field) {
        return fail("a malformed field");
    }
    for name in ["Date", "Content-Length", "Content-Type", "Connection"] {
        let prefix = format!("{name}: ").to_ascii_lowercase();
        let lines = answer.lines.iter();
        if lines
            .filter(|line| line.to_ascii_lowercase().starts_with(&prefix))
            .count()
            > 1
        {
            return fail("a field twice");
        }
    }
    let date = answer.field("Date").unwrap_or("none");
    let parsed = httpdate::parse_http_date(date);
    if !parsed.is_ok_and(|time| httpdate::fmt_http_date(time) == date) {
        return fail("no Date, or not an IMF-fixdate");
    }
    Ok(())
}

/// `get!("/path")`, `get!("/path", "Field: value")`: a GET in HTTP/1.1 with a Host.
macro_rules! get {
    ($path:literal) => {
        concat!("GET ", $path, " HTTP/1.1\r\nHost: h\r\n\r\n")
    };
    ($path:literal, $fields:literal) => {
        concat!(
            "GET ",
            $path,
            " HTTP/1.1\r\nHost: h\r\n",
            $fields,
            "\r\n\r\n"
        )
    };
}

/// `post!("Field: value", "body")`: a POST to /echo with these fields.
macro_rules! post {
    ($fields:literal, $body:literal) => {
        concat!(
            "POST /echo HTTP/1.1\r\nHost: h\r\n",
            $fields,
            "\r\n\r\n",
            $body
        )
    };
}

/// `chunked!("body")`: a POST to /echo of chunks.
macro_rules! chunked {
    ($body:literal) => {
        post!("Transfer-Encoding: chunked", $body)
    };
}
