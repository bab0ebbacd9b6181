//! A handler of your own behind one of the models.
//!
//! ```console
//! $ cargo run --example custom_handler -- prefork
//! $ curl http://127.0.0.1:8080/some/path
//! ```

use std::time::Duration;

use servers::accept::Listener;
use servers::http::{Handler, Request, Response, Status};
use servers::server::{Configuration, Standalone};
use servers::{models, sys::signal};

struct Greeter;

impl Handler for Greeter {
    fn respond(&self, request: &Request<'_>) -> Response {
        let pid = std::process::id();
        let target = request.target();
        Response::text(
            Status::OK,
            format!("process {pid} says hello to {target}\n"),
        )
    }
}

fn main() -> anyhow::Result<()> {
    let name = std::env::args().nth(1).unwrap_or("prefork".to_owned());
    let address = std::env::args()
        .nth(2)
        .unwrap_or("127.0.0.1:8080".to_owned());
    let model = models::find(&name).ok_or(anyhow::anyhow!("there is no model {name}"))?;
    signal::handle_stop(Duration::from_secs(10))?;
    if model.has_master() {
        signal::hold_for_master()?;
    }
    let listener = Listener::bind(address.parse()?, 511)?;
    for address in listener.addresses() {
        println!("listening on {}", address.url());
    }
    // Both live as long as the process: threads and tasks may use them to the end.
    let strategy = model.strategies[0];
    let standalone = Box::leak(Box::new(Standalone::new(model.name, strategy, Greeter)?));
    let server = Box::leak(Box::new(standalone.server()));
    Ok((model.run)(server, listener)?)
}
