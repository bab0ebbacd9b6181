//! Static files: `/files/…` below the root, and never outside it.
//!
//! | file | what it knows |
//! | --- | --- |
//! | `path` | which file a request path names, and how a path is written in a URL |
//! | `root` | how to open that file, and no file outside the root |
//! | `range` | which part of it the client asks for |

mod path;
#[cfg(test)]
mod properties;
mod range;
mod root;

use std::fs::File;
use std::io;
use std::time::SystemTime;

use nix::errno::Errno;

pub use root::Root;

use super::Site;
use super::conditions::{Conditions, Current, Outcome, Validators};
use crate::http::{Body, Method, Request, Response, Status};
use crate::sys::line_counts::Common;
use crate::sys::log::Level;
use crate::sys::quota::Quota;
use path::Wanted;
use range::Part;
use root::Found;

/// `GET /files/…`
pub(super) fn file(site: &Site, request: &Request<'_>, path: &[u8]) -> Response {
    let Some(root) = &site.root else {
        return Response::sentence(
            Status::NOT_FOUND,
            "no files are served; start with --root DIR",
        );
    };
    let Some(wanted) = Wanted::resolve(path.strip_prefix(b"/files").unwrap_or_default()) else {
        return Response::sentence(Status::FORBIDDEN, "the path leads out of the root");
    };
    match root.open_wanted(&wanted) {
        Ok(Found::File(file)) => answer(request, file, wanted.content_type()),
        Ok(Found::Index(file)) => answer(request, file, "text/html; charset=utf-8".into()),
        Ok(Found::IndexBehindSlash) => redirect(request, &wanted),
        Err(error) => refuse(&error),
    }
}

/// Answers with the whole file, a part of it, or 304 if the client has this version already.
fn answer(request: &Request<'_>, file: File, content_type: String) -> Response {
    let metadata = match file.metadata() {
        Ok(metadata) => metadata,
        Err(error) => return refuse(&error),
    };
    let validators = Validators::new(&metadata, SystemTime::now());
    let conditions = Conditions::gather(request.fields());
    match conditions.evaluate(request.method(), Current::File(&validators)) {
        Outcome::Failed => Response::sentence(
            Status::PRECONDITION_FAILED,
            "the file has changed: it is not the version that the request asks for",
        ),
        // No Content-Type and no range fields: the client has them already (RFC 9110 §15.4.5).
        Outcome::NotModified => identify(Response::new(Status::NOT_MODIFIED), &validators),
        Outcome::Perform => {
            let part = match (request.method(), conditions.range(&validators)) {
                (Method::Get, Some(range)) => Part::select(range, metadata.len()),
                // Range is defined for GET alone; other methods ignore it (RFC 9110 §14.2).
                _ => Part::Whole,
            };
            send(part, file, metadata.len(), content_type, &validators)
        }
    }
}

fn send(
    part: Part,
    file: File,
    size: u64,
    content_type: String,
    validators: &Validators,
) -> Response {
    let (status, offset, length) = match part {
        Part::Whole => (Status::OK, 0, size),
        Part::Bytes { first, last } => (Status::PARTIAL_CONTENT, first, last - first + 1),
        Part::Unsatisfiable => {
            return Response::sentence(
                Status::RANGE_NOT_SATISFIABLE,
                "the range begins behind the end of the file",
            )
            .with_field("Content-Range", format!("bytes */{size}"));
        }
    };
    let body = Body::File {
        file,
        offset,
        length,
    };
    let mut response = identify(Response::new(status), validators)
        .with_body(content_type, body)
        .with_field("Accept-Ranges", "bytes")
        // A browser must not run a text file because its content looks like a script.
        .with_field("X-Content-Type-Options", "nosniff");
    if let Part::Bytes { first, last } = part {
        response = response.with_field("Content-Range", format!("bytes {first}-{last}/{size}"));
    }
    response
}

/// Adds the fields that tell which version of the file this is, so that the client can ask for any
/// later one.
fn identify(response: Response, validators: &Validators) -> Response {
    let response = match validators.last_modified() {
        Some(date) => response.with_field("Last-Modified", date),
        None => response,
    };
    response.with_field("ETag", validators.tag().to_owned())
}

/// Redirects to the same path with a slash at its end. Without the slash, the relative links of
/// the page would start from the directory above.
fn redirect(request: &Request<'_>, wanted: &Wanted) -> Response {
    let mut location = format!("/files{}/", wanted.encoded());
    if let Some(query) = request.query() {
        location = location + "?" + query;
    }
    Response::sentence(
        Status::MOVED_PERMANENTLY,
        "a directory's path ends in a slash",
    )
    .with_field("Location", location)
}

/// Clients can hold all descriptors, and ask for a file as often as they like.
static UNOPENED: Quota = Quota::common(Level::Warn, "files", Common::Files);

/// The answer for a file that could not be opened. It tells the client no more than it may know.
fn refuse(error: &io::Error) -> Response {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EACCES | Errno::EPERM) => {
            Response::sentence(Status::FORBIDDEN, "this file may not be read")
        }
        Some(Errno::EXDEV) => Response::sentence(
            Status::FORBIDDEN,
            "a symbolic link on the path is absolute or leads out of the root",
        ),
        Some(Errno::ELOOP) => Response::sentence(
            Status::FORBIDDEN,
            "the symbolic links on the path lead in a circle or into /proc",
        ),
        Some(Errno::ENOENT | Errno::ENOTDIR | Errno::ENAMETOOLONG | Errno::ENXIO) => {
            Response::sentence(Status::NOT_FOUND, "there is no such file")
        }
        _ => {
            UNOPENED.log(format_args!("files: {error}"));
            Response::sentence(
                Status::INTERNAL_SERVER_ERROR,
                "the file could not be opened",
            )
        }
    }
}
