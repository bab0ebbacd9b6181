//! Static files, and paths that must not lead out of the root.

use std::fs;
use std::os::unix::fs::symlink;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use crate::case::{Case, Expect, head, keeps, ok, ok_bytes, refused, refused_because, xs};

/// A directory that holds a root and, beside it, a secret file.
pub(crate) struct Root {
    directory: TempDir,
    path: String,
}

/// Files below the root, with their content.
const FILES: &[(&str, &str)] = &[
    ("hello.txt", "hello\n"),
    ("empty.bin", ""),
    ("index.html", "<p>root\n"),
    ("style.css", "p {}\n"),
    ("app.js", "app()\n"),
    ("data.json", "{}\n"),
    ("picture.png", "png"),
    ("picture.svg", "<svg/>"),
    ("unknown.zzz", "zzz"),
    ("none", "none"),
    ("with space.txt", "space\n"),
    ("per%cent.txt", "percent\n"),
    ("ümlaut.txt", "umlaut\n"),
    ("...", "dots\n"),
    ("sub/index.html", "<p>sub\n"),
    ("sub/deep/page.html", "<p>page\n"),
];

impl Root {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        for (name, content) in FILES {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        fs::write(root.join("big.bin"), "x".repeat(300_000)).unwrap();
        fs::create_dir(root.join("bare")).unwrap();
        fs::write(directory.path().join("secret"), "secret\n").unwrap();
        for (name, target) in [
            ("link", "hello.txt"),
            ("link_to_sub", "sub"),
            ("link_out", "../secret"),
            ("link_to_parent", ".."),
            ("link_absolute", "/etc/passwd"),
            ("link_to_proc", "/proc/self/root"),
            ("link_to_itself", "link_to_itself"),
            ("link_to_nothing", "nothing"),
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        symlink(root.join("hello.txt"), root.join("link_absolute_inside")).unwrap();
        mkfifo(&root.join("pipe"), Mode::S_IRWXU).unwrap();
        let path = root.to_str().unwrap().to_owned();
        Self { directory, path }
    }

    pub(crate) fn path(&self) -> &str {
        assert!(self.directory.path().exists());
        &self.path
    }
}

const OUT: &[Expect] = &[refused(403)];
/// The sentence is true of a link that leads out, and of an absolute one.
const ABSOLUTE_LINK: &[Expect] = &[refused_because(
    403,
    "403 Forbidden: a symbolic link on the path is absolute or leads out of the root\n",
)];
const NONE: &[Expect] = &[refused(404)];
const HELLO: &[Expect] = &[ok("hello\n").with(&["Content-Type: text/plain; charset=utf-8"])];

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    keeps("file_text", get!("/files/hello.txt"), HELLO),
    keeps("file_html", get!("/files/sub/deep/page.html"),
        &[ok("<p>page\n").with(&["Content-Type: text/html; charset=utf-8"])]),
    keeps("file_css", get!("/files/style.css"),
        &[ok("p {}\n").with(&["Content-Type: text/css; charset=utf-8"])]),
    keeps("file_javascript", get!("/files/app.js"),
        &[ok("app()\n").with(&["Content-Type: text/javascript; charset=utf-8"])]),
    keeps("file_json", get!("/files/data.json"),
        &[ok("{}\n").with(&["Content-Type: application/json"])]),
    keeps("file_png", get!("/files/picture.png"), &[ok("png").with(&["Content-Type: image/png"])]),
    keeps("file_svg", get!("/files/picture.svg"),
        &[ok("<svg/>").with(&["Content-Type: image/svg+xml"])]),
    keeps("file_of_unknown_type", get!("/files/unknown.zzz"),
        &[ok("zzz").with(&["Content-Type: application/octet-stream"])]),
    keeps("file_of_no_type", get!("/files/none"),
        &[ok("none").with(&["Content-Type: application/octet-stream"])]),
    keeps("file_empty", get!("/files/empty.bin"), &[ok("")]),
    keeps("file_big", get!("/files/big.bin"), &[xs(300_000)]),
    keeps("files_one_after_the_other",
        concat!(get!("/files/big.bin"), get!("/files/hello.txt"), get!("/files/big.bin")),
        &[xs(300_000), ok("hello\n"), xs(300_000)]),
    keeps("file_with_query", get!("/files/hello.txt?v=1"), HELLO),
    keeps("file_with_space", get!("/files/with%20space.txt"), &[ok("space\n")]),
    keeps("file_with_plus_is_no_space", get!("/files/with+space.txt"), NONE),
    keeps("file_with_percent", get!("/files/per%25cent.txt"), &[ok("percent\n")]),
    keeps("file_with_umlaut", get!("/files/%C3%BCmlaut.txt"), &[ok("umlaut\n")]),
    keeps("file_of_three_dots", get!("/files/..."), &[ok_bytes(b"dots\n")]),
    keeps("file_head", "HEAD /files/hello.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        &[head(200, 6).with(&["Content-Type: text/plain; charset=utf-8"])]),
    keeps("file_head_big", "HEAD /files/big.bin HTTP/1.1\r\nHost: h\r\n\r\n",
        &[head(200, 300_000)]),
    keeps("file_post", "POST /files/hello.txt HTTP/1.1\r\nHost: h\r\n\r\n",
        &[refused(405).with(&["Allow: GET, HEAD, OPTIONS"])]),
    keeps("file_by_absolute_form", get!("http://h/files/hello.txt"), HELLO),

    // Directories.
    keeps("directory_root", get!("/files/"),
        &[ok("<p>root\n").with(&["Content-Type: text/html; charset=utf-8"])]),
    keeps("directory_with_index", get!("/files/sub/"), &[ok("<p>sub\n")]),
    keeps("directory_by_link", get!("/files/link_to_sub/"), &[ok("<p>sub\n")]),
    keeps("directory_without_index", get!("/files/bare/"), NONE),
    keeps("directory_root_without_slash", get!("/files"),
        &[refused(301).with(&["Location: /files/"])]),
    keeps("directory_without_slash", get!("/files/sub?q"),
        &[refused(301).with(&["Location: /files/sub/?q"])]),
    keeps("directory_without_slash_or_index", get!("/files/bare"), NONE),
    keeps("file_with_slash", get!("/files/hello.txt/"), NONE),

    // Paths that lead to nothing, or to no regular file.
    keeps("file_missing", get!("/files/nothing"), NONE),
    keeps("file_missing_directory", get!("/files/nothing/hello.txt"), NONE),
    keeps("file_below_a_file", get!("/files/hello.txt/x"), NONE),
    keeps("file_link_to_nothing", get!("/files/link_to_nothing"), NONE),
    keeps("file_pipe", get!("/files/pipe"), NONE),
    keeps("file_name_is_case_sensitive", get!("/files/HELLO.TXT"), NONE),

    // Dot segments are removed after decoding (RFC 3986 §5.2.4).
    keeps("dots_inside", get!("/files/sub/../hello.txt"), HELLO),
    keeps("dots_inside_escaped", get!("/files/sub/%2e%2e/hello.txt"), HELLO),
    keeps("dots_inside_deep", get!("/files/./sub/deep/../../hello.txt"), HELLO),
    keeps("dots_out", get!("/files/../secret"), OUT),
    keeps("dots_out_escaped", get!("/files/%2e%2e/secret"), OUT),
    keeps("dots_out_escaped_upper", get!("/files/%2E%2E/secret"), OUT),
    keeps("dots_out_half_escaped", get!("/files/.%2e/secret"), OUT),
    keeps("dots_out_with_escaped_slash", get!("/files/..%2fsecret"), OUT),
    keeps("dots_out_all_escaped", get!("/files/%2e%2e%2fsecret"), OUT),
    keeps("dots_out_of_sub", get!("/files/sub/../../secret"), OUT),
    keeps("dots_out_and_back_in", get!("/files/../root/hello.txt"), OUT),
    keeps("dots_out_far", get!("/files/../../../../../../../../etc/passwd"), OUT),
    keeps("dots_out_at_the_end", get!("/files/.."), OUT),
    keeps("dots_out_through_a_link", get!("/files/link_to_sub/../../secret"), OUT),
    keeps("dots_escaped_twice", get!("/files/%252e%252e/secret"), NONE),
    keeps("dots_with_backslash", get!("/files/..%5csecret"), NONE),
    keeps("dots_overlong_utf8", get!("/files/%c0%ae%c0%ae/secret"), NONE),
    keeps("absolute_path", get!("/files//etc/passwd"), NONE),
    keeps("absolute_path_escaped", get!("/files/%2fetc/passwd"), NONE),
    keeps("slashes_inside", get!("/files//sub///deep/page.html"), &[ok("<p>page\n")]),
    keeps("file_nul", get!("/files/hello.txt%00.png"), &[refused(400)]),
    keeps("file_bad_escape", get!("/files/hello%zz.txt"), &[refused(400)]),

    // Symbolic links may lead to files inside the root, and not out of it.
    keeps("link_inside", get!("/files/link"), &[ok("hello\n")]),
    keeps("link_out", get!("/files/link_out"), OUT),
    keeps("link_out_directory", get!("/files/link_to_parent/secret"), OUT),
    keeps("link_out_directory_and_back", get!("/files/link_to_parent/root/hello.txt"), OUT),
    keeps("link_out_absolute", get!("/files/link_absolute"), OUT),
    keeps("link_absolute_to_the_inside", get!("/files/link_absolute_inside"), ABSOLUTE_LINK),
    keeps("link_out_magic", get!("/files/link_to_proc/etc/passwd"), OUT),
    keeps("link_to_itself", get!("/files/link_to_itself"), OUT),
];
