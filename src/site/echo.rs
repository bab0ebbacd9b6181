//! Routes that return what the client sent: `/`, `/echo`, `/headers`.

use super::Site;
use crate::http::{Body, Method, Request, Response, Status, Version};

const GREETING: &[u8] = b"Hello, World!\n";

/// `GET /` greets, `POST /` returns what was posted.
pub(super) fn root(site: &Site, request: &Request<'_>, path: &[u8]) -> Response {
    match request.method() {
        Method::Post => echo(site, request, path),
        _ => {
            Response::new(Status::OK).with_body("text/plain; charset=utf-8", Body::Static(GREETING))
        }
    }
}

/// `POST /echo` returns the body, as bytes of no media type. With a type of its own, a form on
/// another site could have a browser post a script here and run it.
pub(super) fn echo(_: &Site, request: &Request<'_>, _: &[u8]) -> Response {
    let body = Body::Owned(request.body().to_vec());
    Response::new(Status::OK).with_body("application/octet-stream", body)
}

/// `GET /headers`: the request line and the fields as the server saw them.
pub(super) fn headers(_: &Site, request: &Request<'_>, _: &[u8]) -> Response {
    let version = match request.version() {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
    };
    let line = format!("{} {} {version}\n", request.method_name(), request.target());
    let mut text = line.into_bytes();
    for (name, value) in request.fields() {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
        text.push(b'\n');
    }
    // Values may hold bytes beyond ASCII in an unknown encoding, so the type names no charset.
    Response::new(Status::OK).with_body("text/plain", Body::Owned(text))
}
