//! The server opens no file outside the root, for any path and any symbolic link.

use std::fmt::Write as _;
use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;

use super::Root;
use super::path::Wanted;
use crate::http::tests::harness::run;
use crate::http::{Body, Handler, Limits, Request, Response};
use crate::site::Site;

proptest! {
    #[test]
    fn a_resolved_path_has_nowhere_to_go_but_down(path in vec(byte(), 0..40)) {
        let Some(wanted) = Wanted::resolve(&path) else {
            // Only a path with `..` may be refused.
            prop_assert!(path.split(|&byte| byte == b'/').any(|segment| segment == b".."));
            return Ok(());
        };
        let mut components = wanted.path.components();
        prop_assert_eq!(components.next(), Some(Component::CurDir));
        prop_assert!(components.all(|component| matches!(component, Component::Normal(_))));
    }

    /// Checks `resolve` against a second implementation, which only counts the depth.
    #[test]
    fn a_path_is_refused_exactly_if_it_climbs_above_the_root(
        segments in vec(prop::sample::select(vec!["a", "b", "..", ".", ""]), 0..12),
    ) {
        let depths = segments.iter().scan(0i32, |depth, segment| {
            *depth += match *segment {
                ".." => -1,
                "." | "" => 0,
                _ => 1,
            };
            Some(*depth)
        });
        let climbs = depths.min().unwrap_or(0) < 0;
        prop_assert_eq!(Wanted::resolve(segments.join("/").as_bytes()).is_none(), climbs);
    }
}

fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![4 => prop::sample::select(b"./a".to_vec()), 1 => any::<u8>()]
}

/// Lets the site answer, and checks which file it opened for that.
struct Guard<'a> {
    site: Site<'static>,
    root: &'a Path,
    opened: AtomicUsize,
}

impl Handler for Guard<'_> {
    fn respond(&self, request: &Request<'_>) -> Response {
        let response = self.site.respond(request);
        if let Body::File { file, .. } = response.body() {
            // The kernel knows the path of the open file.
            let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
            assert!(
                path.starts_with(self.root),
                "{} is not below the root",
                path.display()
            );
            self.opened.fetch_add(1, Ordering::Relaxed);
        }
        response
    }
}

/// A root with links of every kind, beside a file that no client may see.
fn tree(top: &Path) -> PathBuf {
    let root = top.join("root");
    fs::create_dir_all(root.join("dir/deep")).unwrap();
    fs::create_dir(top.join("outside")).unwrap();
    fs::write(top.join("outside/secret"), "secret").unwrap();
    fs::write(top.join("secret"), "secret").unwrap();
    for file in ["file", "dir/file", "dir/index.html", "dir/deep/file"] {
        fs::write(root.join(file), file).unwrap();
    }
    for (target, link) in [
        ("file", "in"),
        ("dir", "indir"),
        ("../file", "dir/up"),
        ("../outside", "out"),
        ("../secret", "outfile"),
        ("../../outside", "dir/out"),
        ("../root/file", "outandin"),
        ("/etc", "etc"),
        ("/proc/self/root", "magic"),
        ("loop", "loop"),
        (".", "self"),
        ("..", "parent"),
        ("gone", "dangling"),
    ] {
        symlink(target, root.join(link)).unwrap();
    }
    symlink(top.join("secret"), root.join("absolute")).unwrap();
    root
}

fn segment() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        3 => prop::sample::select(vec![
            "file", "dir", "deep", "index.html", "secret", "outside", "root",
        ]),
        3 => prop::sample::select(vec![
            "in", "indir", "up", "out", "outfile", "outandin", "etc", "passwd", "magic", "loop",
            "self", "parent", "dangling", "absolute",
        ]),
        3 => prop::sample::select(vec![
            "..", ".", "", "%2e%2e", ".%2E", "..%2f", "%2f", "%2Fetc", "%252e%252e", "..\\", "...",
            "..;", "%c0%ae%c0%ae", "%00", "%", "%zz", "dir%2ffile", "%2e",
        ]),
    ]
}

/// Random segments, most of which lead nowhere; one path in three leads to a file after detours.
fn segments() -> impl Strategy<Value = Vec<&'static str>> {
    let detour = prop::sample::select(vec![".", "%2e", "self", "dir/..", "indir/%2e%2e"]);
    let file = prop::sample::select(vec![
        "file",
        "in",
        "dir/file",
        "indir/deep/file",
        "dir%2ffile",
    ]);
    let arrives = (vec(detour, 0..6), file).prop_map(|(mut segments, file)| {
        segments.push(file);
        segments
    });
    prop_oneof![2 => vec(segment(), 1..7), 1 => arrives]
}

#[test]
fn what_is_opened_is_below_the_root() {
    let top = tempfile::tempdir().unwrap();
    let root = tree(&top.path().canonicalize().unwrap());
    let site = Site {
        root: Some(Root::open(&root).unwrap()),
        ..Site::default()
    };
    let guard = Guard {
        site,
        root: &root,
        opened: AtomicUsize::new(0),
    };
    let limits = Limits::default();
    let cases = ProptestConfig::with_cases(4500);
    proptest!(cases, |(segments in segments(), all_encoded in any::<bool>())| {
        let mut path = segments.join("/");
        if all_encoded {
            path = encoded(&path);
        }
        let request = format!("GET /files/{path} HTTP/1.0\r\n\r\n");
        let sent = run(&limits, &guard, [request.as_bytes()]);
        let answer = String::from_utf8_lossy(&sent.answers);
        prop_assert!(!answer.contains("secret\n") && !answer.ends_with("secret"), "{}", answer);
        if let Some((_, location)) = answer.split_once("\r\nLocation: ") {
            // The Location stays on this site and holds no dot segments.
            let path = location.lines().next().unwrap_or_default();
            prop_assert!(path.starts_with("/files/"));
            prop_assert!(!path.contains("//") && !path.contains("/../"));
        }
        // An unexpected error would be a 500, and so would a panic in the guard.
        prop_assert!(!answer.starts_with("HTTP/1.1 5"), "{}: {}", path, answer);
    });
    let opened = guard.opened.into_inner();
    assert!(
        opened > 500,
        "only {opened} paths led to a file, too few to prove anything"
    );
}

/// The path with every byte escaped, unless it has escapes already.
fn encoded(path: &str) -> String {
    if path.contains('%') {
        return path.to_owned();
    }
    path.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02x}");
        text
    })
}
