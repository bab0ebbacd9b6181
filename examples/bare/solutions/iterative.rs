//! A silent client holds up the others for a second at most.

use std::io;
use std::time::Duration;

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    loop {
        let (client, _) = listener.accept()?;
        client.set_read_timeout(Some(Duration::from_secs(1)))?;
        serve(client);
    }
}
// ANCHOR_END: run
