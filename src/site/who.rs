//! The worker that serves the request: `/pid`.

use super::Site;
use crate::http::{Request, Response, Status};
use crate::scoreboard::slot;

/// `GET /pid`: process ID, thread ID and slot of the worker.
pub(super) fn pid(_: &Site, _: &Request<'_>, _: &[u8]) -> Response {
    let (pid, tid) = (nix::unistd::getpid(), nix::unistd::gettid());
    Response::text(Status::OK, format!("{pid} {tid} {}\n", slot::get()))
}
