//! A file that gets shorter while it is sent.

use std::io::Read;

use servers::models::HowMany;

use crate::fixture::Fixture;
use crate::support::{row, wire};

/// More than the sockets' buffers on both sides take together, however they are tuned. Nothing is
/// written into the file, so it takes no room.
const SIZE: u64 = 1 << 30;

/// After so many bytes the size is promised and the transfer is on its way.
const BEGUN: usize = 256 * 1024;

/// Content-Length is a promise that cannot be kept any more. Closing the connection is the only
/// way left to say so; padding, or an error page in the middle of the content, would be a lie.
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
        "something else came behind the head"
    );

    files.write("after.txt", b"fine");
    assert_eq!(files.expect("/files/after.txt", 200).text(), "fine");
    // A child per connection is a new process each time; all others must be the same still.
    if row(model).processes != HowMany::PerConnection {
        assert_eq!(who(&files), before, "the worker was replaced");
    }
}

/// The process that serves.
fn who(files: &Fixture) -> String {
    let line = files.expect("/pid", 200).text();
    line.split(' ').next().unwrap().to_owned()
}
