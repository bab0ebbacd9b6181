//! The one request handler, shared by all models: one file per group of routes.

mod cache;
mod context;
mod echo;
mod files;
mod lab;
mod parameters;
mod sandbox_probe;
mod status;
mod time;
mod who;
mod work;

use std::borrow::Cow;

use percent_encoding::percent_decode;

pub use context::{OpenTo, Site, StatusPages};
pub use files::Root;

use crate::http::{Handler, Method, Request, Response, Status};

/// What a route allows, for 405 and OPTIONS. HEAD goes wherever GET goes: the connection leaves
/// the content out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allow {
    Get,
    Post,
    GetAndPost,
}

impl Allow {
    fn admits(self, method: Method) -> bool {
        match method {
            Method::Get | Method::Head => self != Self::Post,
            Method::Post => self != Self::Get,
            _ => false,
        }
    }

    fn field(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD, OPTIONS",
            Self::Post => "POST, OPTIONS",
            Self::GetAndPost => "GET, HEAD, POST, OPTIONS",
        }
    }
}

/// Answers one request; the path is decoded.
type Route = fn(&Site, &Request<'_>, &[u8]) -> Response;

impl Handler for Site<'_> {
    fn respond(&self, request: &Request<'_>) -> Response {
        // CONNECT names no resource of this server that could allow other methods, so it is no case
        // for a 405 (RFC 9110 §9.1, §9.3.6).
        if matches!(request.method(), Method::Unknown | Method::Connect) {
            return Response::sentence(
                Status::NOT_IMPLEMENTED,
                "this server does not implement this method",
            );
        }
        if request.path() == b"*" {
            return options(Allow::GetAndPost);
        }
        let path = match decode(request.path()) {
            Ok(path) => path,
            Err(refusal) => return refusal,
        };
        let Some((allow, route)) = self.route(&path) else {
            return Response::sentence(
                Status::NOT_FOUND,
                "there is nothing here; / lists what there is",
            );
        };
        match request.method() {
            Method::Options => options(allow),
            method if allow.admits(method) => route(self, request, &path),
            _ => Response::sentence(
                Status::METHOD_NOT_ALLOWED,
                "this path does not take this method",
            )
            .with_field("Allow", allow.field()),
        }
    }
}

impl Site<'_> {
    // ANCHOR: routes
    fn route(&self, path: &[u8]) -> Option<(Allow, Route)> {
        Some(match path {
            b"/" => (Allow::GetAndPost, echo::root),
            b"/echo" => (Allow::Post, echo::echo),
            b"/headers" => (Allow::Get, echo::headers),
            b"/pid" => (Allow::Get, who::pid),
            b"/bytes" => (Allow::Get, work::bytes),
            b"/sleep" => (Allow::Get, work::sleep),
            b"/cpu" => (Allow::Get, work::cpu),
            b"/status" => (Allow::Get, status::status),
            b"/metrics" => (Allow::Get, status::metrics),
            b"/cache" => (Allow::Get, cache::cache),
            b"/time" => (Allow::Get, time::time),
            b"/files" => (Allow::Get, files::file),
            _ if path.starts_with(b"/files/") => (Allow::Get, files::file),
            b"/crash" if self.lab => (Allow::Get, lab::crash),
            b"/hang" if self.lab => (Allow::Get, lab::hang),
            b"/spin" if self.lab => (Allow::Get, lab::spin),
            b"/sandbox-probe" if self.lab => (Allow::Get, sandbox_probe::run),
            _ => return None,
        })
    }
    // ANCHOR_END: routes
}

/// Decodes a path, once. What decodes to a NUL, or is no escape at all, is refused: two programs
/// might disagree on where such a path ends.
fn decode(path: &[u8]) -> Result<Cow<'_, [u8]>, Response> {
    // Nearly every path is one without escapes.
    if memchr::memchr(b'%', path).is_none() {
        return Ok(Cow::Borrowed(path));
    }
    let bad = |reason| Err(Response::sentence(Status::BAD_REQUEST, reason));
    let is_escape = |rest: &[u8]| {
        let digits = rest.get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !path.split(|&byte| byte == b'%').skip(1).all(is_escape) {
        return bad("a percent sign in the path is not followed by two hexadecimal digits");
    }
    let decoded: Cow<'_, [u8]> = percent_decode(path).into();
    if decoded.contains(&0) {
        return bad("the path contains a NUL");
    }
    Ok(decoded)
}

/// The answer to OPTIONS.
fn options(allow: Allow) -> Response {
    Response::new(Status::NO_CONTENT).with_field("Allow", allow.field())
}
