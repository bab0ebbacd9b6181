//! Which clients may see the status, and which requests it answers.

use crate::support::server::Server;
use crate::support::wire::{self, read_answer};
use crate::{for_every_model, get};

const PAGES: [&str; 4] = ["/status", "/status?auto", "/status?json", "/metrics"];

for_every_model! {
    clients_on_this_machine_may_see_it,
    with_status_off_there_is_no_page,
    other_requests_are_refused,
}

fn clients_on_this_machine_may_see_it(model: &str) {
    for options in [&[][..], &["--status", "local"], &["--status", "anyone"]] {
        let server = Server::start(model, options);
        for path in PAGES {
            assert_eq!(get(&server, path).status(), 200, "{options:?} {path}");
        }
    }
}

/// Programs that read Apache's status send requests like these.
#[test]
fn further_parameters_are_ignored() {
    let server = Server::start("prefork", &[]);
    let text = get(&server, "/status?auto&_=1795400000").text();
    assert!(text.contains("\nBusyWorkers: "), "{text}");
    let page = get(&server, "/status?refresh=7").text();
    assert!(page.contains("<body data-refresh=\"7\">"), "{page}");
    assert!(page.contains("content=\"7\""), "{page}");
}

/// DNS rebinding: a page of a foreign site, in a browser on this machine, requests the status under
/// its own name, which it lets resolve to this machine.
#[test]
fn requests_under_a_foreign_name_are_refused() {
    let server = Server::start("prefork", &[]);
    let ask = |server: &Server, path: &str, host: &str| {
        let client = server.connect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        wire::send(&client, request.as_bytes());
        read_answer(&client).status()
    };
    for path in PAGES {
        assert_eq!(ask(&server, path, "evil.example:8080"), 403, "{path}");
        assert_eq!(ask(&server, path, &server.address.to_string()), 200);
        assert_eq!(ask(&server, path, "localhost"), 200);
    }
    let open = Server::start("prefork", &["--status", "anyone"]);
    assert_eq!(ask(&open, "/status", "status.example"), 200);
}

fn with_status_off_there_is_no_page(model: &str) {
    let server = Server::start(model, &["--status", "off"]);
    for path in PAGES {
        assert_eq!(get(&server, path).status(), 404, "{path}");
    }
}

fn other_requests_are_refused(model: &str) {
    let server = Server::start(model, &[]);
    for path in ["/status?xml", "/status?refresh=soon", "/status?auto=1"] {
        let answer = get(&server, path);
        assert_eq!(answer.status(), 400);
        assert!(
            answer
                .text()
                .contains("?auto, ?json, ?refresh=SECONDS or nothing"),
            "{}",
            answer.text()
        );
    }
    for path in ["/status", "/metrics"] {
        let client = server.connect();
        let request = format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        wire::send(&client, request.as_bytes());
        let answer = read_answer(&client);
        assert_eq!(answer.status(), 405);
        assert_eq!(answer.field("Allow"), Some("GET, HEAD, OPTIONS"));
    }
}
