//! Static files: `/files/…` below the root, and never outside it.

#[cfg(test)]
mod properties;

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

use super::{Site, sentence};
use crate::http::{Body, Request, Response, Status};

/// The directory that `/files/` serves, held open: what it is called may change later.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
}

impl Root {
    /// Opens the directory.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR or EACCES, if it is not a directory that this process can enter.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self {
            directory: open(path, flags, Mode::empty())?,
        })
    }

    /// Opens what a path names below the root. The kernel does the walking and stops at anything
    /// that would lead out, be it `..` or a symbolic link, so that no race can sneak past a check
    /// (`openat2(2)`, RESOLVE_BENEATH; Linux 5.6).
    fn find(&self, path: &Path) -> nix::Result<File> {
        let how = OpenHow::new()
            // Without O_NONBLOCK, opening a named pipe would wait for its writer.
            .flags(OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        openat2(&self.directory, path, how).map(File::from)
    }
}

/// `GET /files/…`.
pub(super) fn file(site: &Site, _: &Request<'_>, path: &[u8]) -> Response {
    let Some(root) = &site.root else {
        return sentence(
            Status::NOT_FOUND,
            "no files are served; start with --root DIR",
        );
    };
    let name = path.strip_prefix(b"/files/").unwrap_or_default();
    let Some(path) = resolve(name) else {
        return sentence(Status::FORBIDDEN, "the path leads out of the root");
    };
    match open_file(root, path) {
        Ok((path, file, length)) => {
            let body = Body::File {
                file,
                offset: 0,
                length,
            };
            Response::new(Status::OK).with_body(content_type(&path), body)
        }
        Err(error) => refuse(error),
    }
}

/// Opens a regular file, or a directory's `index.html`.
fn open_file(root: &Root, path: PathBuf) -> io::Result<(PathBuf, File, u64)> {
    let file = root.find(&path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        return Ok((path, file, metadata.len()));
    }
    let index = path.join("index.html");
    let file = root.find(&index)?;
    match file.metadata()? {
        metadata if metadata.is_file() => Ok((index, file, metadata.len())),
        _ => Err(Errno::ENOENT.into()),
    }
}

fn refuse(error: io::Error) -> Response {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EACCES | Errno::EPERM) => {
            sentence(Status::FORBIDDEN, "this file may not be read")
        }
        Some(Errno::EXDEV | Errno::ELOOP) => {
            sentence(Status::FORBIDDEN, "the path leads out of the root")
        }
        Some(Errno::ENOENT | Errno::ENOTDIR | Errno::ENAMETOOLONG | Errno::ENXIO) => {
            sentence(Status::NOT_FOUND, "there is no such file")
        }
        _ => {
            crate::log!("files: {error}");
            sentence(
                Status::INTERNAL_SERVER_ERROR,
                "the file could not be opened",
            )
        }
    }
}

/// Removes the dot segments of a decoded path (RFC 3986 §5.2.4); `None` if it climbs above the
/// root. Done after decoding, so that `%2e%2e` is no other thing than `..`.
fn resolve(path: &[u8]) -> Option<PathBuf> {
    let mut resolved = PathBuf::from(".");
    let mut depth = 0usize;
    for segment in path.split(|&octet| octet == b'/') {
        match segment {
            b"" | b"." => {}
            b".." => {
                depth = depth.checked_sub(1)?;
                resolved.pop();
            }
            _ => {
                depth += 1;
                resolved.push(std::ffi::OsStr::from_bytes(segment));
            }
        }
    }
    Some(resolved)
}

/// The media type, by the file's extension.
fn content_type(path: &Path) -> String {
    let guess = mime_guess::from_path(path).first_or_octet_stream();
    match guess.type_() {
        mime_guess::mime::TEXT => format!("{guess}; charset=utf-8"),
        _ => guess.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_segments_go_and_nothing_climbs_out() {
        for (path, resolved) in [
            ("a/b", Some("./a/b")),
            ("a/../b", Some("./b")),
            ("./a//b/", Some("./a/b")),
            ("", Some(".")),
            ("a/..", Some(".")),
            ("..", None),
            ("a/../../b", None),
            ("/etc/passwd", Some("./etc/passwd")),
        ] {
            assert_eq!(
                resolve(path.as_bytes()),
                resolved.map(PathBuf::from),
                "{path}"
            );
        }
    }
}
