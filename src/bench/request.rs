//! One kind of request of a workload file, as results and plans record it. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::load::RequestTemplate;

/// One kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kind {
    /// `GET`, …
    #[serde(default = "method_default")]
    pub method: String,
    /// Path and query; without one, those of the workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Names and values of the header fields that are sent besides the usual ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The request's content.
    #[serde(default, skip_serializing_if = "Content::is_empty")]
    pub body: Content,
    /// How often it is chosen, in proportion to the others.
    #[serde(default = "weight_default")]
    pub weight: u32,
    /// The status that its answer must have; none for any below 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The client's pause after the answer, in a closed loop.
    #[serde(rename = "think_s", with = "super::seconds", default)]
    #[serde(skip_serializing_if = "Duration::is_zero")]
    pub think: Duration,
}

/// Bytes that are written as text where they are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Bytes(Vec<u8>),
}

impl Default for Content {
    fn default() -> Content {
        Content::Text(String::new())
    }
}

impl Content {
    fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    fn as_bytes(&self) -> &[u8] {
        match self {
            Content::Text(text) => text.as_bytes(),
            Content::Bytes(bytes) => bytes,
        }
    }
}

fn method_default() -> String {
    RequestTemplate::default().method
}

fn weight_default() -> u32 {
    RequestTemplate::default().weight
}

impl Kind {
    pub(super) fn of(it: &RequestTemplate) -> Kind {
        let body = match String::from_utf8(it.body.clone()) {
            Ok(text) => Content::Text(text),
            Err(error) => Content::Bytes(error.into_bytes()),
        };
        Kind {
            method: it.method.clone(),
            path: it.path.clone(),
            headers: it.headers.clone(),
            body,
            weight: it.weight,
            status: it.expected_status,
            think: it.think,
        }
    }

    pub(super) fn template(&self) -> RequestTemplate {
        RequestTemplate {
            method: self.method.clone(),
            path: self.path.clone(),
            headers: self.headers.clone(),
            body: self.body.as_bytes().to_vec(),
            weight: self.weight,
            expected_status: self.status,
            think: self.think,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_request_is_the_one_that_was_read() {
        for body in [&b""[..], b"text", b"\xff\x00"] {
            let template = RequestTemplate {
                method: "POST".to_owned(),
                path: Some("/echo".to_owned()),
                headers: vec![("A".to_owned(), "b".to_owned())],
                body: body.to_vec(),
                weight: 3,
                expected_status: Some(201),
                think: Duration::from_millis(20),
            };
            let text = serde_json::to_string(&Kind::of(&template)).unwrap();
            let kind: Kind = serde_json::from_str(&text).unwrap();
            assert_eq!(kind.template(), template, "{text}");
        }
        let least: Kind = serde_json::from_str("{}").unwrap();
        assert_eq!(least.template(), RequestTemplate::default());
    }
}
