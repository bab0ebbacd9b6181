//! From the path of a request to the path of a file, and back to a URL.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// The file below the root that a request path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Relative to the root, without dot segments; `.` is the root itself.
    pub(super) path: PathBuf,
    /// Whether the path ends in a slash, so that it can only name a directory.
    pub(super) directory: bool,
}

impl Wanted {
    /// Removes the dot segments of a decoded path (RFC 3986 §5.2.4); `None` if it climbs above
    /// the root. The path is decoded before this, so `%2e%2e` is the same as `..`. It is decoded
    /// once, so `%252e%252e` is an ordinary name.
    pub(super) fn resolve(path: &[u8]) -> Option<Self> {
        let mut resolved = PathBuf::from(".");
        let mut depth = 0usize;
        for segment in path.split(|&byte| byte == b'/') {
            match segment {
                b"" | b"." => {}
                b".." => {
                    depth = depth.checked_sub(1)?;
                    resolved.pop();
                }
                _ => {
                    depth += 1;
                    resolved.push(OsStr::from_bytes(segment));
                }
            }
        }
        let last = path.rsplit(|&byte| byte == b'/').next();
        Some(Self {
            path: resolved,
            directory: path.contains(&b'/') && matches!(last, Some(b"" | b"." | b"..")),
        })
    }

    /// The path as a URL writes it, without a slash at its end; empty for the root.
    ///
    /// Escapes every byte but the unreserved ones, so a CR LF or a question mark in a name has no
    /// meaning in a Location. `resolve` drops empty segments, so the result never starts with `//`,
    /// which would name another host.
    pub(super) fn encoded(&self) -> String {
        let mut encoded = String::new();
        for segment in self.path.iter().skip(1) {
            encoded.push('/');
            encoded.extend(percent_encode(segment.as_bytes(), ESCAPED));
        }
        encoded
    }

    /// The media type, by the file's extension; `application/octet-stream` if that is unknown.
    pub(super) fn content_type(&self) -> String {
        content_type(&self.path)
    }
}

/// All characters but the unreserved ones (RFC 3986 §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

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
    use percent_encoding::percent_decode_str;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        /// A client that follows the Location arrives at the same file, on the same host.
        #[test]
        fn what_is_encoded_decodes_to_itself(path in vec(any::<u8>(), 0..40)) {
            let Some(wanted) = Wanted::resolve(&path) else {
                return Ok(());
            };
            let encoded = wanted.encoded();
            prop_assert!(!encoded.contains("//"));
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric()
                || b"/%-._~".contains(&byte)));
            let decoded: Vec<u8> = percent_decode_str(&encoded).collect();
            let again = Wanted::resolve(&decoded).map(|again| again.path);
            prop_assert_eq!(again, Some(wanted.path));
        }
    }

    fn resolve(path: &[u8]) -> Option<(String, bool)> {
        let wanted = Wanted::resolve(path)?;
        let path = wanted.path.to_str().expect("the tests use UTF-8");
        Some((path.to_owned(), wanted.directory))
    }

    #[test]
    fn dot_segments_go_and_nothing_climbs_out() {
        for (path, resolved) in [
            ("/a/b", Some(("./a/b", false))),
            ("/a/../b", Some(("./b", false))),
            ("/./a//b/", Some(("./a/b", true))),
            ("/a/.", Some(("./a", true))),
            ("/a/b/..", Some(("./a", true))),
            ("", Some((".", false))),
            ("/", Some((".", true))),
            ("//", Some((".", true))),
            ("/a/..", Some((".", true))),
            ("/..", None),
            ("/../", None),
            ("/a/../../b", None),
            ("//etc/passwd", Some(("./etc/passwd", false))),
            ("/...", Some(("./...", false))),
            ("/%2e%2e/a", Some(("./%2e%2e/a", false))),
            ("/a\\..\\b", Some(("./a\\..\\b", false))),
        ] {
            let expected = resolved.map(|(path, directory)| (path.to_owned(), directory));
            assert_eq!(resolve(path.as_bytes()), expected, "{path}");
        }
    }

    #[test]
    fn a_path_in_a_url_holds_unreserved_characters_alone() {
        for (path, encoded) in [
            (&b""[..], ""),
            (b"/", ""),
            (b"//evil.example", "/evil.example"),
            (b"/a b/c", "/a%20b/c"),
            (b"/a\r\nSet-Cookie: b=c", "/a%0D%0ASet-Cookie%3A%20b%3Dc"),
            (b"/what?#%", "/what%3F%23%25"),
            (b"/\xff\xc3\xa9", "/%FF%C3%A9"),
            (b"/-._~", "/-._~"),
        ] {
            let wanted = Wanted::resolve(path).expect("none of them climbs");
            assert_eq!(wanted.encoded(), encoded);
        }
    }

    #[test]
    fn texts_say_their_charset_and_the_unknown_is_bytes() {
        for (name, expected) in [
            ("a.html", "text/html; charset=utf-8"),
            ("a.CSS", "text/css; charset=utf-8"),
            ("a.png", "image/png"),
            ("a.svg", "image/svg+xml"),
            ("a.json", "application/json"),
            ("a", "application/octet-stream"),
            ("a.unheard-of", "application/octet-stream"),
        ] {
            assert_eq!(content_type(Path::new(name)), expected, "{name}");
        }
    }
}
