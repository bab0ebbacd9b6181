//! The state of the server: `/status`, `/metrics`.

use std::net::IpAddr;

use super::{OpenTo, Site};
use crate::http::{Request, Response, Status};
use crate::status::Report;

/// The formats of `/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A page that updates itself every `refresh_s` seconds.
    Page {
        refresh_s: u32,
    },
    Auto,
    Json,
}

impl Form {
    /// The format that the first parameter names. Further parameters are ignored: programs that
    /// read Apache's status append one to get past a caching proxy.
    fn of(query: &str) -> Option<Self> {
        let first = query.split('&').next().unwrap_or_default();
        let refresh_s = match first.split_once('=').unwrap_or((first, "")) {
            ("", "") => Report::REFRESH_S,
            ("auto", "") => return Some(Self::Auto),
            ("json", "") => return Some(Self::Json),
            // Apache's parameter; without a number, Apache's default of one second.
            ("refresh", "") => 1,
            ("refresh", seconds) => seconds.parse().ok()?,
            _ => return None,
        };
        (1..=REFRESH_MAX_S)
            .contains(&refresh_s)
            .then_some(Self::Page { refresh_s })
    }
}

/// The longest time between two updates of the page.
const REFRESH_MAX_S: u32 = 86_400;

/// `GET /status`: a page for people; `?auto` and `?json` for programs.
pub(super) fn status(site: &Site, request: &Request<'_>, _: &[u8]) -> Response {
    let Some(form) = Form::of(request.query().unwrap_or_default()) else {
        let reason = "/status takes ?auto, ?json, ?refresh=SECONDS or nothing";
        return Response::sentence(Status::BAD_REQUEST, reason);
    };
    let status = match site.is_draining() {
        true => Status::SERVICE_UNAVAILABLE,
        false => Status::OK,
    };
    match form {
        Form::Page { refresh_s } => {
            let page = |report: &Report| report.html(refresh_s);
            show(site, request, "text/html; charset=utf-8", page, status)
        }
        Form::Auto => show(
            site,
            request,
            "text/plain; charset=utf-8",
            Report::auto,
            status,
        ),
        Form::Json => show(site, request, "application/json", Report::json, status),
    }
}

/// `GET /ready`: for a load balancer, which sends no clients here after a 503.
pub(super) fn ready(site: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    let answer = match site.is_draining() {
        false => Response::text(Status::OK, "ready\n".to_owned()),
        true => Response::sentence(
            Status::SERVICE_UNAVAILABLE,
            "not ready: the server is about to stop",
        ),
    };
    // A kept connection would hold a worker between two questions.
    answer.with_field("Cache-Control", "no-store").and_close()
}

/// `GET /metrics`: for Prometheus.
pub(super) fn metrics(site: &Site, request: &Request<'_>, _: &[u8]) -> Response {
    show(
        site,
        request,
        Report::METRICS_TYPE,
        Report::metrics,
        Status::OK,
    )
}

fn show(
    site: &Site,
    request: &Request<'_>,
    content_type: &'static str,
    render: impl Fn(&Report) -> String,
    status: Status,
) -> Response {
    let Some(pages) = &site.status else {
        return Response::sentence(Status::NOT_FOUND, "this server does not show its status");
    };
    if pages.open_to == OpenTo::Local && !pages.source.is_asked_from_here() {
        let reason = "the status is shown to clients on the same machine only";
        return Response::sentence(Status::FORBIDDEN, reason);
    }
    if pages.open_to != OpenTo::Anyone && !names_this_machine(request.authority()) {
        let reason = "the status is shown under an IP address or the name localhost only";
        return Response::sentence(Status::FORBIDDEN, reason);
    }
    let text = render(&pages.source.report_with_memory());
    // Close behind the answer: a kept connection would hold a worker until the next update, and
    // some models have only one.
    Response::text(status, text)
        .with_type(content_type)
        .with_field("Cache-Control", "no-store")
        .and_close()
}

/// Whether the client asked by IP address or as localhost.
///
/// This stops *DNS rebinding*: the owner of a foreign site lets its name resolve to this machine.
/// A page of that site, in a browser on this machine, can then request this server under that name,
/// and the browser lets the page read the answer. But the Host field holds the foreign name, which
/// the page cannot change.
fn names_this_machine(authority: Option<&[u8]>) -> bool {
    let Some(authority) = authority else {
        return true; // HTTP/1.0, which no browser uses.
    };
    let authority = String::from_utf8_lossy(authority).to_ascii_lowercase();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => &authority,
    };
    let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    host == "localhost"
        || host.ends_with(".localhost")
        || inner.unwrap_or(host).parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_parameter_says_which_form() {
        let page = |refresh_s| Some(Form::Page { refresh_s });
        for (query, form) in [
            ("", page(2)),
            ("refresh", page(1)),
            ("refresh=30", page(30)),
            ("refresh=0", None),
            ("refresh=-1", None),
            ("refresh=999999", None),
            ("auto", Some(Form::Auto)),
            ("auto&_=1795400000", Some(Form::Auto)),
            ("auto&refresh=5", Some(Form::Auto)),
            ("json&x", Some(Form::Json)),
            ("auto=1", None),
            ("x=1&auto", None),
            ("xml", None),
        ] {
            assert_eq!(Form::of(query), form, "{query}");
        }
    }

    #[test]
    fn a_name_that_may_lead_anywhere_is_not_this_machine() {
        let ours = [
            "127.0.0.1",
            "127.0.0.1:8080",
            "192.0.2.7:80",
            "[::1]",
            "[::1]:8080",
            "localhost",
            "LocalHost:8080",
            "app.localhost:1",
        ];
        for name in ours {
            assert!(names_this_machine(Some(name.as_bytes())), "{name}");
        }
        assert!(names_this_machine(None));
        for name in [
            "evil.example",
            "evil.example:8080",
            "localhost.evil.example",
            "notlocalhost",
            "",
        ] {
            assert!(!names_this_machine(Some(name.as_bytes())), "{name}");
        }
    }
}
