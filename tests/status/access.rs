//! Who may see the status, and what may be asked.

use crate::support::server::Server;
use crate::support::wire::{self, read_answer};
use crate::{for_every_model, get};

const PAGES: [&str; 4] = ["/status", "/status?auto", "/status?json", "/metrics"];

for_every_model! {
    clients_on_this_machine_may_see_it,
    nobody_may_if_so_told,
    other_questions_are_refused,
}

fn clients_on_this_machine_may_see_it(model: &str) {
    for options in [&[][..], &["--status", "local"], &["--status", "anyone"]] {
        let server = Server::start(model, options);
        for path in PAGES {
            assert_eq!(get(&server, path).status(), 200, "{options:?} {path}");
        }
    }
}

fn nobody_may_if_so_told(model: &str) {
    let server = Server::start(model, &["--status", "nobody"]);
    for path in PAGES {
        assert_eq!(get(&server, path).status(), 404, "{path}");
    }
}

fn other_questions_are_refused(model: &str) {
    let server = Server::start(model, &[]);
    for path in ["/status?xml", "/status?auto&json", "/status?auto=1"] {
        let answer = get(&server, path);
        assert_eq!(answer.status(), 400);
        assert!(
            answer.text().contains("?auto, ?json or nothing"),
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
