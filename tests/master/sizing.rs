//! The pool follows the load, if it is to, and the hand that turns it up and down.

use std::net::TcpStream;

use nix::sys::signal::Signal;
use servers::scoreboard::PoolEvent;

use crate::support::server::Server;
use crate::support::{wait_for, wire};
use crate::{assert_serves, count, hold, start, workers};

const KEPT: [&str; 2] = ["--keep-alive-timeout", "300s"];

#[track_caller]
fn start_pool(kind: &str, options: &[&str]) -> Server {
    start_pool_of("prefork", kind, options)
}

#[track_caller]
fn start_pool_of(model: &str, kind: &str, options: &[&str]) -> Server {
    let all = [&["--pool", kind], &KEPT[..], options].concat();
    Server::start(model, &all)
}

#[test]
fn a_dynamic_pool_grows_with_its_clients_and_shrinks_behind_them() {
    grows_with_its_clients_and_shrinks_behind_them("prefork");
}

#[test]
fn a_dynamic_pool_of_processes_with_a_thread_does_so_too() {
    grows_with_its_clients_and_shrinks_behind_them("worker --threads 1");
}

fn grows_with_its_clients_and_shrinks_behind_them(model: &str) {
    let options = ["--min-spare", "2", "--max-spare", "3"];
    let server = start_pool_of(model, "dynamic", &options);
    wait_for("two to spare", || workers(&server).len() == 2);
    // The first two have a worker each, and the others wait until there are more.
    let clients = hold(&server, 5);
    wait_for("five and two to spare", || workers(&server).len() == 7);
    assert_serves(&server);
    drop(clients);
    wait_for("no more than three to spare", || {
        workers(&server).len() == 3
    });
    let said = server.said();
    // How it got there depends on who had come when it looked: at first one, then twice as many.
    let (more, fewer) = (numbers(&said, " more, "), numbers(&said, " fewer, "));
    assert_eq!((more[0], more.iter().sum()), (1, 5), "{said}");
    assert!(more.windows(2).all(|it| it[1] <= 2 * it[0]), "{said}");
    assert_eq!(fewer, [1; 4], "{said}");
    assert_eq!(count(&server, PoolEvent::Started), 7);
    assert_serves(&server);
}

/// A reload changes who serves, not how many are needed.
#[test]
fn a_pool_that_has_grown_keeps_its_size_at_a_hang_up() {
    for options in [
        &["dynamic", "--min-spare", "1", "--max-spare", "50"][..],
        &["ondemand"],
    ] {
        let server = start_pool(options[0], &options[1..]);
        let clients = hold(&server, 6);
        let enough = 6 + usize::from(options[0] == "dynamic");
        wait_for("it has grown", || workers(&server).len() == enough);
        let before = workers(&server);
        server.signal(Signal::SIGHUP);
        wait_for("as many others", || {
            let workers = workers(&server);
            workers.iter().filter(|pid| !before.contains(pid)).count() == enough
        });
        drop(clients);
        assert_serves(&server);
    }
}

/// By how many workers it has changed each time: `pool: 2 busy, 0 spare: 1 more, 3 in all`.
fn numbers(said: &str, what: &str) -> Vec<usize> {
    let before = said.lines().filter_map(|line| line.split_once(what));
    let last = before.filter_map(|(before, _)| before.rsplit(' ').next()?.parse().ok());
    last.collect()
}

/// How clients are dealt to threads is the kernel's affair: six take three workers at least.
#[test]
fn a_dynamic_pool_of_processes_with_threads_follows_its_clients() {
    let options = ["--min-spare", "1", "--max-spare", "1"];
    let server = start_pool_of("worker --threads 2", "dynamic", &options);
    wait_for("one to spare", || workers(&server).len() == 1);
    let clients = hold(&server, 6);
    assert!(workers(&server).len() >= 3);
    assert_serves(&server);
    drop(clients);
    wait_for("one to spare", || workers(&server).len() == 1);
    assert_serves(&server);
}

#[test]
fn a_dynamic_pool_keeps_to_its_limit_and_counts_how_often_it_met_it() {
    let server = start_pool("dynamic", &["--workers", "3", "--min-spare", "1"]);
    let clients = hold(&server, 3);
    wait_for("the limit is noted", || {
        count(&server, PoolEvent::LimitReached) == 1
    });
    let said = server.said();
    assert!(said.contains("all 3 workers are busy"), "{said}");
    assert_eq!(workers(&server).len(), 3);
    drop(clients);
    assert_serves(&server);
}

/// A worker with a free thread has room, and with another client somebody to look after.
#[test]
fn a_worker_with_a_client_is_not_sent_away_for_its_free_thread() {
    let spare = ["--min-spare", "1", "--max-spare", "1"];
    let options = [&["--pool", "dynamic", "--threads", "2"], &spare[..], &KEPT].concat();
    let server = Server::start("worker", &options);
    let mut clients = hold(&server, 8);
    let mut seen = std::collections::BTreeSet::new();
    clients.retain(|client| seen.insert(crate::served_by(client)));
    wait_for("those without a client leave, but for one", || {
        (seen.len()..=seen.len() + 1).contains(&workers(&server).len())
    });
    // Long enough for three to be sent away.
    std::thread::sleep(std::time::Duration::from_secs(3));
    for client in &clients {
        wire::get(client, "/");
        let answer = wire::read_answer(client);
        assert_eq!(answer.field("Connection"), None, "{}", server.said());
    }
}

#[test]
fn a_static_pool_counts_how_often_all_were_busy() {
    let server = start(2, &KEPT);
    let clients = hold(&server, 2);
    wait_for("it is noted", || {
        count(&server, PoolEvent::LimitReached) == 1
    });
    drop(clients);
    assert_eq!(server.said(), "", "its size is no news");
}

/// Whoever is told to keep no workers does not want any, and need not say so every second.
#[test]
fn a_pool_without_workers_has_nothing_to_decide() {
    for options in [&["--pool", "dynamic"][..], &["--workers", "2"]] {
        let server = Server::start("prefork", options);
        assert_serves(&server);
        server.signal(Signal::SIGWINCH);
        wait_for("all have left", || workers(&server).is_empty());
        std::thread::sleep(std::time::Duration::from_millis(2500));
        let said = server.said();
        assert!(
            said.contains("SIGWINCH: ") && said.lines().count() == 1,
            "{said}"
        );
        assert_eq!(count(&server, PoolEvent::LimitReached), 0);
        server.signal(Signal::SIGHUP);
        assert_serves(&server);
    }
}

#[test]
fn on_demand_there_is_nobody_until_somebody_comes() {
    nobody_until_somebody_comes("prefork");
}

#[test]
fn on_demand_there_are_no_threads_until_somebody_comes() {
    nobody_until_somebody_comes("worker --threads 1");
}

fn nobody_until_somebody_comes(model: &str) {
    let server = start_pool_of(model, "ondemand", &["--idle-timeout", "1s"]);
    assert!(workers(&server).is_empty());
    assert_serves(&server);
    for needed in [1, 4] {
        let _clients = hold(&server, needed);
        // Where somebody was slow to wake, another may have come, and leaves again.
        wait_for("one for each client", || workers(&server).len() == needed);
    }
    wait_for("all have left", || workers(&server).is_empty());
    assert_serves(&server);
}

#[test]
fn on_demand_no_more_come_than_may() {
    let server = start_pool("ondemand", &["--workers", "2"]);
    let mut clients = hold(&server, 2);
    let waiting = server.connect();
    wait_for("the limit is noted", || {
        count(&server, PoolEvent::LimitReached) == 1
    });
    assert_eq!(workers(&server).len(), 2);
    clients.pop();
    crate::served_by(&waiting);
}

/// A worker made on demand that dies is missed by nobody but the next client.
#[test]
fn on_demand_the_dead_are_replaced_when_somebody_comes() {
    let server = start_pool("ondemand", &[]);
    assert_serves(&server);
    crate::send(workers(&server)[0], Signal::SIGKILL);
    wait_for("it is gone", || workers(&server).is_empty());
    assert_serves(&server);
}

/// An idle worker is as good as none if it takes nobody. That it is wedged will show much later.
#[test]
fn on_demand_somebody_else_comes_if_nobody_takes_the_client() {
    let patient = ["--worker-timeout", "300s", "--idle-timeout", "300s"];
    let server = start_pool("ondemand", &patient);
    assert_serves(&server);
    crate::send(workers(&server)[0], Signal::SIGSTOP);
    // On its way to a stop it may still take somebody.
    wait_for("it is stopped", || server.children()[0].state == 'T');
    assert_serves(&server);
    assert_eq!(workers(&server).len(), 2, "{}", server.said());
}

#[test]
fn by_hand_one_worker_more_and_one_fewer() {
    let server = start(2, &[]);
    server.signal(Signal::SIGTTIN);
    wait_for("three", || workers(&server).len() == 3);
    for _ in 0..3 {
        server.signal(Signal::SIGTTOU);
        wait_for("the signal is taken", || {
            crate::support::proc::pending_signals(server.pid()) == 0
        });
    }
    wait_for("one, and never none", || workers(&server).len() == 1);
    let said = server.said();
    for words in [
        "has 3 workers now",
        "has 1 worker now",
        "has 1 worker and cannot do with fewer",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert_serves(&server);
    assert_eq!(workers(&server).len(), 1);
}

/// It is not needed, and that is no reason to cut its client off, however long he takes.
#[test]
fn whoever_is_sent_away_may_take_its_time() {
    let server = start(2, &["--graceful-timeout", "1s", "--max-wait", "20s"]);
    let clients = [(); 2].map(|()| server.connect());
    for client in &clients {
        wire::get_and_close(client, "/sleep?ms=4000");
        server.wait_until_read(client);
    }
    server.signal(Signal::SIGTTOU);
    for client in &clients {
        let answer = wire::read_answer(client);
        assert_eq!(answer.status(), 200, "{}", server.said());
    }
    wait_for("one has left", || workers(&server).len() == 1);
}

/// A worker that is to leave lets its client finish, and tells it that this was the last answer.
#[test]
fn whoever_is_sent_away_finishes_with_its_client() {
    let server = start(2, &KEPT);
    let clients = hold(&server, 2);
    server.signal(Signal::SIGTTOU);
    wait_for("it is decided", || server.said().contains("by hand"));
    let closed = clients.iter().filter(|client| {
        wire::get(client, "/");
        let answer = wire::read_answer(client);
        assert_eq!(answer.status(), 200);
        answer.field("Connection") == Some("close")
    });
    assert_eq!(closed.count(), 1);
    wait_for("it has left", || workers(&server).len() == 1);
}

/// Where each has a queue of its own, who leaves is not a question of who has the fewest clients:
/// nobody may be missing who is the only one at his queue.
#[test]
fn no_queue_is_left_alone_when_the_pool_is_turned_down() {
    let options = [&["--accept", "reuseport"], &KEPT[..]].concat();
    let server = start(4, &options);
    server.signal(Signal::SIGTTIN);
    wait_for("a fifth worker", || workers(&server).len() == 5);
    // The fifth shares a queue with another. It gets a client, which keeps the others from it.
    let fifth = |client: &TcpStream| {
        wire::get(client, "/pid");
        wire::read_answer(client).text().ends_with(" 4\n")
    };
    let mut clients = std::iter::repeat_with(|| server.connect());
    let client = clients.find(fifth).unwrap();
    server.signal(Signal::SIGTTOU);
    wait_for("the wish is heard", || {
        server.said().contains("has 4 workers now")
    });
    drop(client);
    wait_for("four workers", || workers(&server).len() == 4);
    for _ in 0..40 {
        assert_serves(&server);
    }
}
