//! Directories, odd names, odd files, and paths that lead out of the root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use nix::sys::stat::Mode;
use nix::unistd::{geteuid, mkfifo};

use crate::fixture::Fixture;

pub(crate) fn directories_have_an_index_and_a_slash(model: &str) {
    let files = Fixture::start(model);
    files.write("index.html", b"top");
    files.write("with/index.html", b"below");
    files.write("without/other.html", b"");
    fs::create_dir_all(files.path("odd/index.html")).unwrap();

    for (target, body) in [
        ("/files/", "top"),
        ("/files/with/", "below"),
        ("/files/with/.", "below"),
        ("/files/with/x/..", "below"),
        ("/files//with//", "below"),
        ("/files/with/?q", "below"),
        ("/files/with/index.html", "below"),
    ] {
        let answer = files.expect(target, 200);
        assert_eq!(answer.text(), body, "{target}");
        assert_eq!(
            answer.field("Content-Type"),
            Some("text/html; charset=utf-8")
        );
    }
    for (target, location) in [
        ("/files", "/files/"),
        ("/files?a=b", "/files/?a=b"),
        ("/files/with", "/files/with/"),
        ("/files/./x/../with", "/files/with/"),
        ("/files/with?a=b&c=%0d%0a", "/files/with/?a=b&c=%0d%0a"),
        ("http://other.example/files/with", "/files/with/"),
    ] {
        let answer = files.expect(target, 301);
        assert_eq!(answer.field("Location"), Some(location), "{target}");
    }
    for target in [
        "/files/without",
        "/files/without/",
        "/files/odd",
        "/files/odd/",
    ] {
        files.expect(target, 404);
    }
    // A slash asks for a directory, but the path names a file.
    files.expect("/files/with/index.html/", 404);
    files.expect("/files/with/index.html/x", 404);
    assert_eq!(files.ask("POST", "/files/with/", &[]).status(), 405);
}

/// Permission to search a directory suffices for a file in it; the server needs no permission to
/// list the names in it. Root may do both, so a server started by root runs as another user.
pub(crate) fn a_directory_that_may_not_be_listed_has_an_index(model: &str) {
    let options: &[&str] = match geteuid().is_root() {
        true => &["--user", "nobody"],
        false => &[],
    };
    let files = Fixture::start_with(model, options);
    files.write("dir/index.html", b"index");
    files.write("bare/other.html", b"other");
    files.write("secret.html", b"SECRET");
    let set_mode = |name: &str, mode: u32| {
        fs::set_permissions(files.path(name), Permissions::from_mode(mode)).unwrap();
    };
    set_mode("dir", 0o311);
    set_mode("bare", 0o311);
    set_mode("secret.html", 0);
    assert_eq!(files.expect("/files/dir/index.html", 200).text(), "index");
    assert_eq!(files.expect("/files/dir/", 200).text(), "index");
    files.expect("/files/dir", 301);
    files.expect("/files/bare/", 404);
    files.expect("/files/secret.html", 403);
    set_mode("dir", 0o600);
    files.expect("/files/dir/", 403);
    // So that the fixture can remove them.
    set_mode("dir", 0o755);
    set_mode("bare", 0o755);
}

pub(crate) fn names_in_a_location_are_escaped(model: &str) {
    let files = Fixture::start(model);
    for (directory, target, location) in [
        (
            "evil.example",
            "/files//evil.example",
            "/files/evil.example/",
        ),
        ("a b", "/files/a%20b", "/files/a%20b/"),
        ("what?", "/files/what%3f", "/files/what%3F/"),
        (
            "x\r\nSet-Cookie: a=b",
            "/files/x%0d%0aSet-Cookie:%20a=b",
            "/files/x%0D%0ASet-Cookie%3A%20a%3Db/",
        ),
    ] {
        files.write(&format!("{directory}/index.html"), b"");
        let answer = files.expect(target, 301);
        assert_eq!(answer.field("Location"), Some(location));
        assert_eq!(answer.field("Set-Cookie"), None);
        files.expect(location, 200);
    }
}

pub(crate) fn odd_files_are_not_served(model: &str) {
    let files = Fixture::start(model);
    files.write("empty", b"");
    let _socket = UnixListener::bind(files.path("socket")).unwrap();
    mkfifo(&files.path("pipe"), Mode::S_IRWXU).unwrap();
    // Opening a pipe waits for its writer, so a server that did would never answer.
    files.expect("/files/pipe", 404);
    files.expect("/files/socket", 404);
    files.expect(&format!("/files/{}", "n".repeat(300)), 404);
    let empty = files.expect("/files/empty", 200);
    assert_eq!(empty.field("Content-Length"), Some("0"));
    assert_eq!(
        empty.field("Content-Type"),
        Some("application/octet-stream")
    );
}

pub(crate) fn nothing_outside_the_root_is_served(model: &str) {
    let files = Fixture::start(model);
    files.write("../secret", b"SECRET");
    files.write("../root-too/secret", b"SECRET");
    files.write("inside/file", b"open");
    let link = |target: &str, name: &str| symlink(target, files.path(name)).unwrap();
    link("inside/file", "good");
    link("../inside/file", "inside/good");
    link("../secret", "relative");
    link(files.path("../secret").to_str().unwrap(), "absolute");
    link("..", "up");
    link("../root-too", "sibling");
    link("loop", "loop");
    link("/proc/self/root", "magic");
    for (target, status) in [
        ("/files/good", 200),
        ("/files/inside/good", 200),
        ("/files/inside/../inside/file", 200),
        ("/files/../secret", 403),
        ("/files/inside/../../secret", 403),
        ("/files/%2e%2e/secret", 403),
        ("/files/.%2e/secret", 403),
        ("/files/..%2fsecret", 403),
        ("/files/%2e%2e%2fsecret", 403),
        ("/files/../root/good", 403),
        ("/files/../root-too/secret", 403),
        ("/files/%252e%252e/secret", 404),
        ("/files/..%5csecret", 404),
        ("/files//etc/passwd", 404),
        ("/files/%2fetc/passwd", 404),
        ("/files/inside/file%00", 400),
        ("/files/inside/file%00.html", 400),
        ("/files/%zz", 400),
        ("/files/%2", 400),
        ("/files/relative", 403),
        ("/files/absolute", 403),
        ("/files/up/secret", 403),
        ("/files/up/root/good", 403),
        ("/files/sibling/secret", 403),
        ("/files/loop", 403),
        ("/files/magic/etc/passwd", 403),
    ] {
        let answer = files.expect(target, status);
        assert!(!answer.text().contains("SECRET"), "{target}");
    }
}
