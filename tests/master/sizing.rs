//! The pool's size follows the load (`--pool`) and the operator (SIGTTIN, SIGTTOU).

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
fn a_dynamic_pool_of_one_thread_processes_does_so_too() {
    grows_with_its_clients_and_shrinks_behind_them("worker --threads 1");
}

fn grows_with_its_clients_and_shrinks_behind_them(model: &str) {
    let options = ["--min-spare", "2", "--max-spare", "3"];
    let server = start_pool_of(model, "dynamic", &options);
    wait_for("two to spare", || workers(&server).len() == 2);
    // The first two clients get a worker each; the others wait until there are more.
    let clients = hold(&server, 5);
    wait_for("five and two to spare", || workers(&server).len() == 7);
    assert_serves(&server);
    drop(clients);
    wait_for("no more than three to spare", || {
        workers(&server).len() == 3
    });
    let said = server.said();
    // The steps depend on which clients had come at each look. Each step at most doubles: 1, 2, 4.
    let (more, fewer) = (numbers(&said, " more, "), numbers(&said, " fewer, "));
    assert_eq!((more[0], more.iter().sum()), (1, 5), "{said}");
    assert!(more.windows(2).all(|it| it[1] <= 2 * it[0]), "{said}");
    assert_eq!(fewer, [1; 4], "{said}");
    assert_eq!(count(&server, PoolEvent::Started), 7);
    assert_serves(&server);
}

/// As Apache does: while connections wait and no worker is idle, each second twice as many workers
/// come as the second before, up to 32.
#[test]
fn a_dynamic_pool_doubles_its_steps_while_clients_wait() {
    let server = start_pool("dynamic", &[]);
    wait_for("five to spare", || workers(&server).len() == 5);
    // Each of them holds a worker.
    let silent: Vec<TcpStream> = (0..150).map(|_| server.connect()).collect();
    let late = server.connect();
    wire::get_and_close(&late, "/");
    assert_eq!(wire::read_answer(&late).status(), 200);
    let said = server.said();
    let steps = numbers(&said, " more, ");
    assert_eq!(steps.iter().max(), Some(&32), "{said}");
    assert!(steps.windows(2).all(|it| it[1] <= 2 * it[0]), "{said}");
    drop(silent);
}

/// A reload replaces the workers and keeps their number.
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
        wait_for("as many new workers", || {
            let workers = workers(&server);
            workers.iter().filter(|pid| !before.contains(pid)).count() == enough
        });
        drop(clients);
        assert_serves(&server);
    }
}

/// The figures before `what` in lines such as `pool: 2 busy, 0 spare: 1 more, 3 in all`.
fn numbers(said: &str, what: &str) -> Vec<usize> {
    let before = said.lines().filter_map(|line| line.split_once(what));
    let last = before.filter_map(|(before, _)| before.rsplit(' ').next()?.parse().ok());
    last.collect()
}

/// The kernel decides which thread gets which client. Six clients need three workers at least.
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

/// A worker with one free thread and one client counts as spare, and still has a client to serve.
#[test]
fn a_worker_with_a_client_is_not_retired_for_its_free_thread() {
    let spare = ["--min-spare", "1", "--max-spare", "1"];
    let options = [&["--pool", "dynamic", "--threads", "2"], &spare[..], &KEPT].concat();
    let server = Server::start("worker", &options);
    let mut clients = hold(&server, 8);
    let mut seen = std::collections::BTreeSet::new();
    clients.retain(|client| seen.insert(crate::served_by(client)));
    wait_for("all but one worker without a client leave", || {
        (seen.len()..=seen.len() + 1).contains(&workers(&server).len())
    });
    // Long enough to retire three workers.
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
    assert_eq!(server.said(), "", "a static pool logs no size");
}

/// SIGWINCH asks for no workers. The pool then misses none, and does not log so every second.
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
fn on_demand_there_is_no_worker_until_a_client_comes() {
    no_worker_until_a_client_comes("prefork");
}

#[test]
fn on_demand_there_are_no_threads_until_a_client_comes() {
    no_worker_until_a_client_comes("worker --threads 1");
}

fn no_worker_until_a_client_comes(model: &str) {
    let server = start_pool_of(model, "ondemand", &["--idle-timeout", "1s"]);
    assert!(workers(&server).is_empty());
    assert_serves(&server);
    for needed in [1, 4] {
        let _clients = hold(&server, needed);
        // If a worker was slow to wake, the master has forked another, which leaves again.
        wait_for("one for each client", || workers(&server).len() == needed);
    }
    wait_for("all have left", || workers(&server).is_empty());
    assert_serves(&server);
}

#[test]
fn on_demand_the_limit_is_kept() {
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

/// A worker made on demand that dies is replaced only when the next client comes.
#[test]
fn on_demand_a_dead_worker_is_replaced_when_a_client_comes() {
    let server = start_pool("ondemand", &[]);
    assert_serves(&server);
    crate::send(workers(&server)[0], Signal::SIGKILL);
    wait_for("it is gone", || workers(&server).is_empty());
    assert_serves(&server);
}

/// An idle worker that does not accept is no help, and it is found to be wedged much later. So the
/// client that waits gets another worker.
#[test]
fn on_demand_a_second_worker_comes_if_the_first_does_not_accept() {
    let patient = ["--worker-timeout", "300s", "--idle-timeout", "300s"];
    let server = start_pool("ondemand", &patient);
    assert_serves(&server);
    crate::send(workers(&server)[0], Signal::SIGSTOP);
    // Until it has stopped it may still accept a client.
    wait_for("it is stopped", || server.children()[0].state == 'T');
    assert_serves(&server);
    assert_eq!(workers(&server).len(), 2, "{}", server.said());
}

#[test]
fn signals_add_and_remove_a_worker() {
    let server = start(2, &[]);
    server.signal(Signal::SIGTTIN);
    wait_for("three", || workers(&server).len() == 3);
    for _ in 0..3 {
        server.signal(Signal::SIGTTOU);
        wait_for("the signal is taken", || {
            crate::support::proc::pending_signals(server.pid()) == 0
        });
    }
    wait_for("one worker is left", || workers(&server).len() == 1);
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

/// A worker that the pool no longer needs serves its client to the end, however long that takes.
#[test]
fn a_retired_worker_has_no_deadline() {
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
    wait_for("one worker has left", || workers(&server).len() == 1);
}

/// Its answer says that it is the last one on the connection.
#[test]
fn a_retired_worker_answers_its_client_once_more() {
    let server = start(2, &KEPT);
    let clients = hold(&server, 2);
    server.signal(Signal::SIGTTOU);
    wait_for("the log tells the decision", || {
        server.said().contains("by hand")
    });
    let closed = clients.iter().filter(|client| {
        wire::get(client, "/");
        let answer = wire::read_answer(client);
        assert_eq!(answer.status(), 200);
        answer.field("Connection") == Some("close")
    });
    assert_eq!(closed.count(), 1);
    wait_for("it has left", || workers(&server).len() == 1);
}

/// Where workers have queues of their own, the worker with the fewest clients is not always the one
/// that may leave. A worker that is the only one at its queue has to stay.
#[test]
fn no_queue_loses_its_only_worker_when_the_pool_shrinks() {
    let options = [&["--accept", "reuseport"], &KEPT[..]].concat();
    let server = start(4, &options);
    server.signal(Signal::SIGTTIN);
    wait_for("a fifth worker", || workers(&server).len() == 5);
    // The fifth worker shares a queue with another. It gets a client, so it has most clients.
    let fifth = |client: &TcpStream| {
        wire::get(client, "/pid");
        wire::read_answer(client).text().ends_with(" 4\n")
    };
    let mut clients = std::iter::repeat_with(|| server.connect());
    let client = clients.find(fifth).unwrap();
    server.signal(Signal::SIGTTOU);
    wait_for("the signal is taken", || {
        server.said().contains("has 4 workers now")
    });
    drop(client);
    wait_for("four workers", || workers(&server).len() == 4);
    for _ in 0..40 {
        assert_serves(&server);
    }
}
