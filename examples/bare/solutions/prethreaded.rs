//! The main thread accepts, and hands its clients over through a queue of eight.

use std::io;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    let (queue, clients) = sync_channel(8);
    let clients = Mutex::new(clients);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(client) = next(&clients) {
                    serve(client);
                }
            });
        }
        while let Ok((client, _)) = listener.accept() {
            // Waits while the queue is full.
            if queue.send(client).is_err() {
                break;
            }
        }
        // So the threads learn that no more clients come.
        drop(queue);
    });
    Ok(())
}

/// The lock is released when this function returns.
fn next(clients: &Mutex<Receiver<TcpStream>>) -> Option<TcpStream> {
    let clients = clients.lock().ok()?;
    clients.recv().ok()
}
// ANCHOR_END: run
