//! The path resolver, on a real tree with links that lead out: no file outside is ever opened.
#![no_main]

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use servers::http;
use servers::http::{Body, Handler, Limits, Request, Response};
use servers::site::{Root, Site};

#[path = "../../src/http/tests/harness.rs"]
#[allow(dead_code)]
mod harness;

use harness::run;

static GUARD: LazyLock<Guard> = LazyLock::new(Guard::new);

fuzz_target!(|input: &[u8]| {
    let request = [b"GET /files/", input, b" HTTP/1.0\r\n\r\n"].concat();
    let sent = run(&Limits::default(), &*GUARD, [&request[..]]);
    // An unexpected error would be a 500, and so would a panic of the guard. The input may hold
    // header lines too, so 501 and 505 are right answers to some.
    assert!(!contains(&sent.answers, b"HTTP/1.1 500 "));
    assert!(!contains(&sent.answers, b"SECRET"));
});

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Lets the site answer, and checks which file it opened for that.
struct Guard {
    site: Site<'static>,
    root: PathBuf,
}

impl Guard {
    fn new() -> Self {
        let top = tempfile::tempdir()
            .expect("a directory for the tree")
            .keep();
        let root = tree(&top.canonicalize().expect("it exists")).expect("the tree can be made");
        let site = Site {
            root: Some(Root::open(&root).expect("the root exists")),
            ..Site::default()
        };
        Self { site, root }
    }
}

impl Handler for Guard {
    fn respond(&self, request: &Request<'_>) -> Response {
        let response = self.site.respond(request);
        if let Body::File { file, .. } = response.body() {
            let link = format!("/proc/self/fd/{}", file.as_raw_fd());
            let path = fs::read_link(link).expect("the file is open");
            assert!(
                path.starts_with(&self.root),
                "{} is not below the root",
                path.display()
            );
        }
        response
    }
}

/// Short names, so that the fuzzer finds them.
fn tree(top: &Path) -> std::io::Result<PathBuf> {
    let root = top.join("r");
    fs::create_dir_all(root.join("d/e"))?;
    fs::write(top.join("s"), "SECRET")?;
    for file in ["f", "d/f", "d/index.html", "d/e/f"] {
        fs::write(root.join(file), file)?;
    }
    for (target, link) in [
        ("f", "i"),
        ("../f", "d/u"),
        ("..", "p"),
        ("../s", "o"),
        ("../../s", "d/o"),
        ("../r/f", "b"),
        ("/", "a"),
        ("/proc/self/root", "m"),
        ("l", "l"),
    ] {
        symlink(target, root.join(link))?;
    }
    Ok(root)
}
