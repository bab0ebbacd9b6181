//! A file that shrinks while it is sent.

use std::io::Read;

use servers::models::HowMany;

use crate::fixture::Fixture;
use crate::support::{row, wire};

/// More than the buffers of both sockets hold together, however the kernel tunes them. The file is
/// sparse, so it takes no space on disk.
const SIZE: u64 = 1 << 30;

/// After this many bytes the client has the head, and the transfer has begun.
const BEGUN: usize = 256 * 1024;

/// The server can no longer send the length that Content-Length promised. Only a close can tell the
/// client so. Padding, or an error page in the middle of the content, would look like content.
pub(crate) fn a_file_that_shrinks_closes_the_connection_and_nothing_else(model: &str) {
    let files = Fixture::start(model);
    let file = files.write("big.bin", b"");
    file.set_len(SIZE).unwrap();
    let before = who(&files);

    let mut slow = files.server.connect();
    wire::get(&slow, "/files/big.bin");
    let mut bytes = vec![0; BEGUN];
    slow.read_exact(&mut bytes).unwrap();
    file.set_len(0).unwrap();
    bytes.append(&mut wire::read_to_end(&slow).0);
    let head_end = wire::find(&bytes, b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&bytes[..head_end]);
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(
        head.contains(&format!("\r\nContent-Length: {SIZE}\r\n")),
        "{head}"
    );
    let content = &bytes[head_end..];
    assert!((content.len() as u64) < SIZE);
    assert!(
        content.iter().all(|&byte| byte == 0),
        "the content holds bytes that are not from the file"
    );

    files.write("after.txt", b"fine");
    assert_eq!(files.expect("/files/after.txt", 200).text(), "fine");
    // `fork` serves each connection from a new child. In all other models the worker must live on.
    if row(model).processes != HowMany::PerConnection {
        assert_eq!(who(&files), before, "the worker was replaced");
    }
}

/// The process ID of the worker.
fn who(files: &Fixture) -> String {
    let line = files.expect("/pid", 200).text();
    line.split(' ').next().unwrap().to_owned()
}
