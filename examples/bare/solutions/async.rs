//! A client has a second, however it spends it.

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::common::{ANSWER, listen};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    Runtime::new()?.block_on(async {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (client, _) = listener.accept().await?;
            tokio::spawn(timeout(Duration::from_secs(1), serve(client)));
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
