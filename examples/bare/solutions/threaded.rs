//! No more than ten threads serve at a time. Further clients wait in the accept queue.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::common::{listen, serve};

// ANCHOR: run
pub(crate) fn run() -> io::Result<()> {
    let listener = listen()?;
    // Each thread holds a copy until it ends.
    let place = Arc::new(());
    loop {
        while Arc::strong_count(&place) > 10 {
            thread::sleep(Duration::from_millis(10));
        }
        let (client, _) = listener.accept()?;
        let place = place.clone();
        thread::spawn(move || {
            serve(client);
            drop(place);
        });
    }
}
// ANCHOR_END: run
