//! The request handler that all models share: one file per group of routes.

mod cache;
mod conditions;
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
use conditions::Current;

/// The methods that a route allows, for 405 and OPTIONS. A route that allows GET allows HEAD: the
/// connection leaves the content out.
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

    /// What the conditions of a request are compared with. A resource that GET cannot be used on
    /// has no representation.
    fn current(self) -> Current<'static> {
        match self {
            Self::Get | Self::GetAndPost => Current::Generated,
            Self::Post => Current::Nothing,
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

/// The function of a route; it gets the decoded path.
type Route = fn(&Site, &Request<'_>, &[u8]) -> Response;

const NOTHING_HERE: &str =
    "there is nothing here; try /, /headers, /pid, /bytes?n=1000, /cpu?ms=1, /status";

/// The pages of an address that is for the status alone.
const STATUS_PATHS: [&[u8]; 3] = [b"/status", b"/metrics", b"/ready"];

impl Handler for Site<'_> {
    fn respond(&self, request: &Request<'_>) -> Response {
        if !self.extra_cpu.is_zero() {
            work::compute_for(self.extra_cpu);
        }
        // The target of CONNECT is no resource of this server, so there are no other methods that
        // a 405 could name (RFC 9110 §9.1, §9.3.6).
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
        let found = match self.is_status_only && !STATUS_PATHS.contains(&&*path) {
            true => None,
            false => self.route(&path),
        };
        let Some((allow, route)) = found else {
            let hint = match self.is_status_only {
                true => "there is nothing here; try /status, /metrics, /ready",
                false => NOTHING_HERE,
            };
            return Response::sentence(Status::NOT_FOUND, hint);
        };
        match request.method() {
            Method::Options => options(allow),
            method if allow.admits(method) => {
                let response = route(self, request, &path);
                // Files have validators, with which their route compares the conditions itself.
                match request.is_conditional() && !path.starts_with(b"/files") {
                    true => conditions::apply(request, allow.current(), response),
                    false => response,
                }
            }
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
            b"/ready" => (Allow::Get, status::ready),
            b"/metrics" => (Allow::Get, status::metrics),
            b"/cache" => (Allow::Get, cache::cache),
            b"/time" => (Allow::Get, time::time),
            b"/files" => (Allow::Get, files::file),
            _ if path.starts_with(b"/files/") => (Allow::Get, files::file),
            b"/crash" if self.lab => (Allow::Get, lab::crash),
            b"/panic" if self.lab => (Allow::Get, lab::panic),
            b"/hang" if self.lab => (Allow::Get, lab::hang),
            b"/spin" if self.lab => (Allow::Get, lab::spin),
            b"/leak" if self.lab => (Allow::Get, lab::leak),
            b"/sandbox-probe" if self.lab => (Allow::Get, sandbox_probe::run),
            _ => return None,
        })
    }
    // ANCHOR_END: routes
}

/// Decodes a path, once. Refuses an escaped NUL and a malformed escape: two programs could
/// disagree on where such a path ends.
fn decode(path: &[u8]) -> Result<Cow<'_, [u8]>, Response> {
    // Nearly all paths have no escapes.
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

/// Answers OPTIONS.
fn options(allow: Allow) -> Response {
    Response::new(Status::NO_CONTENT).with_field("Allow", allow.field())
}
