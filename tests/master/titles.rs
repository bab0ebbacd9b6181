//! What `ps` shows of a master and its workers.

use std::fs;

use nix::sys::signal::Signal;

use crate::support::wait_for;
use crate::support::wire::{self, read_answer};
use crate::{assert_serves, for_every_pool, send, served_by, start_model, workers};

for_every_pool! {
    titles_say_which_process_is_which,
    the_title_of_a_worker_says_that_it_leaves,
    titles_say_that_the_server_stops,
}

fn title(pid: i32) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.trim_end_matches('\0').to_owned()
}

fn titles_say_which_process_is_which(model: &str) {
    let server = start_model(model, 2, &["--threads", "2"]);
    let master = title(server.pid());
    let expected = format!("servers: master run {model} --bind 127.0.0.1:0 --workers 2");
    assert!(master.starts_with(&expected), "{master}");
    assert_serves(&server);
    let slots = |first: usize| {
        let step = if model == "worker" { 2 } else { 1 };
        format!("servers: worker {} of {model}", first * step)
    };
    wait_for("the workers have titles", || {
        let mut titles: Vec<String> = workers(&server).into_iter().map(title).collect();
        titles.sort();
        titles == [slots(0), slots(1)]
    });
    // Programs look for processes by this name.
    for pid in [server.pid(), workers(&server)[0]] {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert_eq!(name, "servers\n");
    }
    // The successor of a worker has its title.
    let old = workers(&server)[0];
    send(old, Signal::SIGKILL);
    wait_for("so has its successor", || {
        let mut titles: Vec<String> = workers(&server).into_iter().map(title).collect();
        titles.sort();
        titles == [slots(0), slots(1)] && !workers(&server).contains(&old)
    });
}

fn the_title_of_a_worker_says_that_it_leaves(model: &str) {
    let server = start_model(
        model,
        1,
        &["--threads", "1", "--keep-alive-timeout", "600s"],
    );
    let client = server.connect();
    let old = served_by(&client);
    server.signal(Signal::SIGHUP);
    wait_for("it leaves", || {
        title(old) == format!("servers: worker 0 of {model} (leaving)")
    });
    wire::get(&client, "/");
    assert_eq!(read_answer(&client).field("Connection"), Some("close"));
}

fn titles_say_that_the_server_stops(model: &str) {
    let server = start_model(model, 1, &["--max-wait", "600s"]);
    let client = server.connect();
    wire::get(&client, "/sleep?ms=600000");
    server.wait_until_read(&client);
    let worker = workers(&server)[0];
    server.signal(Signal::SIGTERM);
    for pid in [server.pid(), worker] {
        wait_for("it stops", || title(pid).ends_with(" (stopping)"));
    }
}
