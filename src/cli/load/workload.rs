//! What is asked: the options for a single request, and workload files for several.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;

use crate::cli::duration;
use crate::load::{RequestTemplate, Workload};

/// A workload file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    request: Vec<Request>,
}

/// One `[[request]]` of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    #[serde(default = "get")]
    method: String,
    path: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    /// Relative to the workload file.
    body_file: Option<PathBuf>,
    #[serde(default = "one")]
    weight: u32,
    status: Option<u16>,
    think: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn one() -> u32 {
    1
}

/// Reads a workload file.
///
/// # Errors
/// A file that cannot be read, and a sentence for what is wrong in it.
pub(in crate::cli) fn read(path: &Path) -> anyhow::Result<Workload> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let file: File = toml::from_str(&text).with_context(|| format!("in {shown}"))?;
    let beside = path.parent().unwrap_or(Path::new("."));
    let requests = file
        .request
        .into_iter()
        .enumerate()
        .map(|(index, request)| {
            let place = || format!("in {shown}, request {}", index + 1);
            request.template(beside).with_context(place)
        });
    let requests: Vec<RequestTemplate> = requests.collect::<anyhow::Result<_>>()?;
    anyhow::ensure!(
        requests.iter().any(|request| request.weight > 0),
        "in {shown}: no request with a weight above 0"
    );
    Ok(Workload::new(requests))
}

impl Request {
    fn template(self, beside: &Path) -> anyhow::Result<RequestTemplate> {
        let body = match (self.body, self.body_file) {
            (Some(_), Some(_)) => anyhow::bail!("either body or body_file, not both"),
            (Some(text), None) => text.into_bytes(),
            (None, Some(file)) => read_body(&beside.join(file))?,
            (None, None) => Vec::new(),
        };
        let think = self.think.as_deref().map(duration::parse).transpose();
        let template = RequestTemplate {
            method: self.method,
            path: self.path,
            headers: self.headers.into_iter().collect(),
            body,
            weight: self.weight,
            expected_status: self.status,
            think: think.map_err(anyhow::Error::msg)?.unwrap_or(Duration::ZERO),
        };
        check(&template).map_err(anyhow::Error::msg)?;
        Ok(template)
    }
}

fn read_body(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Parses `NAME: VALUE`.
///
/// # Errors
/// A sentence for the user.
pub(super) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| format!("'{text}' is no header field: write NAME: VALUE"))?;
    Ok((name.to_owned(), value.trim().to_owned()))
}

/// The content that an option names: `@FILE`, or the text itself.
///
/// # Errors
/// A file that cannot be read.
pub(super) fn body(option: &str) -> anyhow::Result<Vec<u8>> {
    match option.strip_prefix('@') {
        Some(path) => read_body(Path::new(path)),
        None => Ok(option.as_bytes().to_vec()),
    }
}

/// Whether the request can be sent as it is: nothing in it may end its line early.
///
/// # Errors
/// A sentence that names what is wrong.
pub(super) fn check(request: &RequestTemplate) -> Result<(), String> {
    let method = &request.method;
    if !is_token(method) {
        return Err(format!("'{method}' is no method (RFC 9110 section 9.1)"));
    }
    if method == "CONNECT" {
        return Err("CONNECT opens a tunnel, and has no answer to measure".to_owned());
    }
    if let Some(path) = &request.path
        && (!path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Err(format!(
            "'{path}' is no path: it should start with / and have no spaces"
        ));
    }
    for (name, value) in &request.headers {
        if !is_token(name) {
            return Err(format!("'{name}' is no name of a header field"));
        }
        if value
            .bytes()
            .any(|byte| byte.is_ascii_control() && byte != b'\t')
        {
            return Err(format!("the value of {name} has control characters"));
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return Err("bodies are sent with a Content-Length, not chunked".to_owned());
        }
    }
    Ok(())
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_mark = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    let mut bytes = text.bytes();
    !text.is_empty() && bytes.all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> anyhow::Result<Workload> {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("content"), b"bytes").unwrap();
        let path = directory.path().join("workload.toml");
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn a_file_gives_its_requests_with_all_they_have() {
        let workload = parse(
            r#"
            [[request]]
            path = "/a"
            weight = 9

            [[request]]
            method = "POST"
            path = "/b"
            headers = { "Content-Type" = "text/plain" }
            body_file = "content"
            status = 201
            think = "10ms"
            "#,
        )
        .unwrap();
        let [first, second] = workload.requests() else {
            panic!("{workload:?}");
        };
        assert_eq!((first.method.as_str(), first.weight), ("GET", 9));
        assert_eq!(
            (second.method.as_str(), &*second.body),
            ("POST", &b"bytes"[..])
        );
        assert_eq!(
            second.headers,
            [("Content-Type".into(), "text/plain".into())]
        );
        assert_eq!(second.expected_status, Some(201));
        assert_eq!(second.think, Duration::from_millis(10));
    }

    #[test]
    fn complaints_name_the_place() {
        for (text, words) in [
            ("", "missing field `request`"),
            ("request = []", "no request with a weight"),
            ("[[request]]\nweight = 0", "no request with a weight"),
            ("[[request]]\nmethood = 'GET'", "unknown field"),
            (
                "[[request]]\n[[request]]\npath = 'x'",
                "request 2: 'x' is no path",
            ),
            ("[[request]]\nbody = 'a'\nbody_file = 'b'", "not both"),
            ("[[request]]\nthink = '10'", "10s or 10ms"),
            ("[[request]]\nmethod = 'G T'", "'G T' is no method"),
            (
                "[[request]]\nheaders = { A = \"b\\r\\nC: d\" }",
                "control characters",
            ),
        ] {
            let complaint = format!("{:#}", parse(text).unwrap_err());
            assert!(complaint.contains(words), "{text}: {complaint}");
        }
    }

    #[test]
    fn header_options_come_apart() {
        assert_eq!(header("A: b: c").unwrap(), ("A".into(), "b: c".into()));
        assert!(header("A").is_err());
    }
}
