//! Pre-threaded: eight threads that accept in turn, under a lock.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::thread;

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = Mutex::new(listen()?);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(client) = accept(&listener) {
                    serve(client);
                }
            });
        }
    });
    Ok(())
}

/// The lock is released when this function returns.
fn accept(listener: &Mutex<TcpListener>) -> Option<TcpStream> {
    let listener = listener.lock().ok()?;
    let (client, _) = listener.accept().ok()?;
    Some(client)
}
// ANCHOR_END: run
