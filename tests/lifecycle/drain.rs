//! `--drain-delay`: a server says that it is not ready before it stops, and serves on.

use nix::sys::signal::Signal;

use crate::for_every_model;
use crate::support::server::Server;
use crate::support::wait_for;
use crate::support::wire;

for_every_model! {
    a_server_says_that_it_is_not_ready_before_it_stops,
    the_delay_ends_by_itself,
    without_a_delay_a_stop_begins_at_once,
}

fn ask(server: &Server, path: &str) -> u16 {
    let client = server.connect();
    wire::get_and_close(&client, path);
    wire::read_answer(&client).status()
}

/// The delay is far longer than the test: a second signal ends it.
fn a_server_says_that_it_is_not_ready_before_it_stops(model: &str) {
    for second in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = Server::start(model, &["--drain-delay", "3000s", "--workers", "2"]);
        assert_eq!(
            (ask(&server, "/ready"), ask(&server, "/status")),
            (200, 200)
        );
        server.signal(Signal::SIGTERM);
        wait_for("it is not ready", || ask(&server, "/ready") == 503);
        for path in ["/status", "/status?auto", "/status?json"] {
            assert_eq!(ask(&server, path), 503, "{path}");
        }
        assert_eq!((ask(&server, "/"), ask(&server, "/metrics")), (200, 200));
        assert!(server.is_running());
        server.signal(second);
        assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    }
}

fn the_delay_ends_by_itself(model: &str) {
    let mut server = Server::start(model, &["--drain-delay", "1s", "--workers", "2"]);
    assert_eq!(ask(&server, "/ready"), 200);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
}

fn without_a_delay_a_stop_begins_at_once(model: &str) {
    let mut server = Server::start(model, &["--workers", "2"]);
    assert_eq!(ask(&server, "/ready"), 200);
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    assert!(!server.said().contains("not ready"), "{}", server.said());
}
