//! Async: a task for each client, on the threads of a runtime.

use std::io::{self, ErrorKind};

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::common::{ANSWER, listen};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    Runtime::new()?.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (client, _) = listener.accept().await?;
            tokio::spawn(serve(client));
        }
    })
}

async fn serve(client: TcpStream) -> io::Result<()> {
    let mut request = [0; 4096];
    while let Err(error) = client.try_read(&mut request) {
        if error.kind() != ErrorKind::WouldBlock {
            return Err(error);
        }
        client.readable().await?;
    }
    client.writable().await?;
    client.try_write(ANSWER)?;
    Ok(())
}
// ANCHOR_END: run
