//! How the server is: `/status`, `/metrics`.

use std::fmt;

use super::Site;
use crate::http::{Request, Response, Status};
use crate::status::{Report, Source};

/// The status pages and who may see them.
pub struct StatusPages {
    /// What they show.
    pub source: Source,
    /// Who may see them.
    pub open_to: OpenTo,
}

/// Who may see the status pages: they tell what others ask for, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenTo {
    /// Clients on the same machine. Behind a proxy on this machine, that is everybody.
    Local,
    /// Everybody.
    Anyone,
}

impl fmt::Debug for StatusPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusPages")
            .field("open_to", &self.open_to)
            .finish_non_exhaustive()
    }
}

/// `GET /status`: a page for people; `?auto` and `?json` for programs.
pub(super) fn status(site: &Site, request: &Request<'_>, _: &[u8]) -> Response {
    let (content_type, render): (_, fn(&Report) -> String) = match request.query() {
        None | Some("") => ("text/html; charset=utf-8", Report::html),
        Some("auto") => ("text/plain; charset=utf-8", Report::auto),
        Some("json") => ("application/json", Report::json),
        Some(_) => {
            let reason = "/status takes ?auto, ?json or nothing";
            return Response::sentence(Status::BAD_REQUEST, reason);
        }
    };
    show(site, content_type, render)
}

/// `GET /metrics`: for Prometheus.
pub(super) fn metrics(site: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    show(site, Report::METRICS_TYPE, Report::metrics)
}

fn show(site: &Site, content_type: &'static str, render: fn(&Report) -> String) -> Response {
    let Some(pages) = &site.status else {
        return Response::sentence(Status::NOT_FOUND, "this server does not show its status");
    };
    if pages.open_to == OpenTo::Local && !pages.source.is_asked_from_here() {
        let reason = "the status is shown to clients on the same machine only";
        return Response::sentence(Status::FORBIDDEN, reason);
    }
    let text = render(&pages.source.report());
    // Who watches must not hold a worker until the next look: in some models there is but one.
    Response::text(Status::OK, text)
        .with_type(content_type)
        .with_field("Cache-Control", "no-store")
        .and_close()
}
