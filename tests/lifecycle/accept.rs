//! What the accept strategies of the pool promise: what the default promises, and more.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::proc::{self, Process};
use crate::support::server::Server;
use crate::support::wait_for;
use crate::support::wire::{self, read_answer};
use crate::{assert_serves, busy, children, clients, exhaustion, inherited, slow, stop};

/// Every strategy but the default, which the other files try.
const OTHERS: [&str; 4] = ["flock", "mutex", "pass", "reuseport"];

/// Makes one `#[test]` of each function for each of these strategies.
macro_rules! for_every_strategy {
    (@strategy $strategy:ident [$($room:ident :: $test:ident)*]) => {
        mod $strategy {
            $(#[test]
            fn $test() {
                super::$room::$test(concat!("prefork --accept ", stringify!($strategy)));
            })*
        }
    };
    (@tests $tests:tt $($strategy:ident)*) => {
        $(for_every_strategy! { @strategy $strategy $tests })*

        #[test]
        fn every_strategy_of_the_pool_is_tested() {
            let prefork = servers::models::find("prefork").unwrap();
            let names: Vec<&str> = prefork.strategies.iter().map(|it| it.name).collect();
            assert_eq!(names, ["shared", $(stringify!($strategy)),*]);
        }
    };
    ($($room:ident :: $test:ident),* $(,)?) => {
        for_every_strategy! { @tests [$($room::$test)*] flock mutex pass reuseport }
    };
}

for_every_strategy! {
    stop::sigterm_lets_a_request_in_flight_finish,
    stop::a_large_answer_in_flight_is_sent_to_its_end,
    stop::the_accept_queue_is_answered,
    stop::idle_connections_do_not_hold_up_a_stop,
    stop::silent_clients_do_not_hold_up_a_stop,
    stop::a_second_signal_stops_at_once,
    stop::the_graceful_timeout_ends_in_force,
    stop::a_killed_server_leaves_no_process_and_frees_the_port,
    stop::the_port_can_be_bound_again_after_a_stop,
    children::no_zombies_after_200_connections,
    children::descriptors_do_not_grow_over_1000_connections,
    children::descriptors_are_close_on_exec,
    children::a_dead_worker_is_replaced,
    children::all_workers_dead_at_once_are_replaced,
    children::a_stopped_worker_is_replaced_and_the_others_wait_quietly,
    clients::clients_that_reset_are_survived,
    clients::clients_that_leave_at_once_are_survived,
    clients::a_silent_client_is_closed,
    busy::a_kept_connection_holds_its_worker,
    exhaustion::a_lack_of_descriptors_is_waited_out,
    inherited::inherited_signal_settings_change_nothing,
    slow::an_answer_that_is_not_read_is_not_collected,
}

/// With a listener for each worker this does not hold: a client that the kernel has dealt to a busy
/// worker waits for that worker.
#[test]
fn a_common_queue_waits_for_no_particular_worker() {
    for strategy in ["flock", "mutex", "pass"] {
        let model = format!("prefork --accept {strategy}");
        busy::answers_a_second_client_while_the_first_is_served(&model);
        busy::serves_as_many_as_it_has_workers(&model);
        children::a_dying_worker_takes_one_client_along(&model);
    }
}

fn start(strategy: &str, options: &[&str]) -> Server {
    Server::start(&format!("prefork --accept {strategy}"), options)
}

fn all_strategies() -> impl Iterator<Item = &'static str> {
    ["shared"].into_iter().chain(OTHERS)
}

/// More clients than workers are in the queues when SIGTERM comes.
#[test]
fn forty_queued_clients_are_answered_at_the_stop() {
    for strategy in all_strategies() {
        let mut server = start(strategy, &["--workers", "3"]);
        let clients = send_from_many(&server, 40, "/sleep?ms=20");
        server.signal(Signal::SIGTERM);
        assert_all_answered(strategy, &clients);
        assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    }
}

/// The workers have died when SIGTERM comes, and may not have been replaced yet.
#[test]
fn queued_clients_are_answered_at_a_stop_without_workers() {
    for strategy in all_strategies() {
        let mut server = start(strategy, &["--workers", "2"]);
        wait_for("both workers", || server.children().len() == 2);
        server.children().iter().for_each(kill_hard);
        let clients = send_from_many(&server, 10, "/");
        server.signal(Signal::SIGTERM);
        assert_all_answered(strategy, &clients);
        assert_eq!(server.wait().code(), Some(0), "{}", server.said());
    }
}

/// A client that waits while a worker is killed is answered by the worker's successor.
#[test]
fn the_queue_of_a_killed_worker_is_not_lost() {
    for strategy in all_strategies() {
        let server = start(strategy, &["--workers", "1", "--max-wait", "1000s"]);
        let busy = server.connect();
        wire::get(&busy, "/sleep?ms=1000000");
        server.wait_until_read(&busy);
        let clients = send_from_many(&server, 10, "/");
        server.children().iter().for_each(kill_hard);
        assert_all_answered(strategy, &clients);
    }
}

/// The master takes back a client that it has passed to a worker that died before reading it.
#[test]
fn killing_an_idle_worker_loses_nothing() {
    let server = start("pass", &["--workers", "3"]);
    wait_until_idle(&server, 3);
    let victims = server.children();
    for victim in &victims {
        kill(Pid::from_raw(victim.pid), Signal::SIGSTOP).unwrap();
        wait_for("it is stopped", || {
            Process::find(victim.pid).is_some_and(|it| it.state == 'T')
        });
    }
    let clients = send_from_many(&server, 3, "/");
    wait_for("the master has passed them", || {
        proc::accept_queue(server.address) == 0
    });
    victims.iter().for_each(kill_hard);
    assert_all_answered("pass", &clients);
}

/// The worker that accepts holds the lock. The test kills it, again and again.
#[test]
fn a_killed_holder_of_the_lock_is_survived() {
    for (strategy, call) in [("flock", libc::SYS_flock), ("mutex", libc::SYS_futex)] {
        let server = start(strategy, &["--workers", "3"]);
        for _ in 0..3 {
            let holder = wait_for_holder(&server, call);
            kill_hard(&holder);
            for _ in 0..5 {
                assert_serves(&server);
            }
        }
    }
}

/// The exhibit: with a mutex that is not robust, no worker ever accepts again.
#[test]
fn a_killed_holder_of_a_plain_mutex_is_the_end() {
    let server = start("mutex --plain-mutex", &["--workers", "3"]);
    let holder = wait_for_holder(&server, libc::SYS_futex);
    kill_hard(&holder);
    wait_for("all wait for a dead worker", || {
        let calls = calls(&server);
        calls.len() == 3 && calls.iter().all(|call| *call == Some(libc::SYS_futex))
    });
    let client = server.connect();
    wire::get(&client, "/");
    thread::sleep(Duration::from_secs(1));
    assert_eq!(proc::accept_queue(server.address), 1, "no worker takes it");
}

/// The clients come one after the other, and each time all workers are idle.
#[test]
fn first_is_always_the_first_and_round_robin_goes_round() {
    assert_eq!(slots_in_turn("pass --pick first"), [0; 9]);
    let round_robin = [0, 1, 2, 0, 1, 2, 0, 1, 2];
    assert_eq!(slots_in_turn("pass --pick round-robin"), round_robin);
    assert_eq!(slots_in_turn("pass"), round_robin);
}

/// The master passes over busy workers, so the last one gets a client only when all the others are
/// busy.
#[test]
fn first_reaches_the_last_when_all_others_are_busy() {
    let server = start("pass --pick first", &["--workers", "3"]);
    wait_until_idle(&server, 3);
    let held: Vec<TcpStream> = (0..3).map(|_| server.connect()).collect();
    let slots: Vec<usize> = held.iter().map(slot_of).collect();
    assert_eq!(slots, [0, 1, 2]);
}

/// Where the kernel or a queue for a lock decides, every worker has a turn.
#[test]
fn every_worker_has_its_turn() {
    for strategy in ["shared", "flock", "mutex", "reuseport"] {
        let server = start(strategy, &["--workers", "3"]);
        let mut counts = BTreeMap::new();
        wait_for("every worker has served", || {
            *counts.entry(slot_of(&server.connect())).or_insert(0) += 1;
            counts.len() == 3
        });
    }
}

/// The scoreboard shows what each slot has served, and nothing else.
#[test]
fn the_scoreboard_shows_who_has_served() {
    let server = start("pass --pick first", &["--workers", "3"]);
    for _ in 0..10 {
        wait_until_idle(&server, 3);
        assert_serves(&server);
    }
    let view = servers::scoreboard::View::of_process(server.pid().cast_unsigned()).unwrap();
    let requests = || {
        view.counts()
            .iter()
            .map(|it| it.requests)
            .collect::<Vec<u64>>()
    };
    assert_eq!(requests(), [10, 0, 0]);
}

/// The master needs a descriptor for each client, for a moment.
#[test]
fn a_master_without_descriptors_pauses() {
    let server = start("pass", &["--workers", "2"]);
    wait_until_idle(&server, 2);
    let limit = |limit: &str| {
        let pid = server.pid().to_string();
        let mut command = Command::new("prlimit");
        command.args(["--pid", &pid, &format!("--nofile={limit}:")]);
        assert!(command.status().unwrap().success());
    };
    // A new descriptor gets the lowest number that is free.
    let is_open = |number: &usize| {
        let path = format!("/proc/{}/fd/{number}", server.pid());
        std::fs::symlink_metadata(path).is_ok()
    };
    let open = (0..).take_while(is_open).count();
    limit(&open.to_string());
    let clients = send_from_many(&server, 5, "/");
    wait_for("it says what it lacks", || {
        server.said().contains("accept: ")
    });
    exhaustion::assert_quiet(&server);
    // A worker that dies meanwhile is replaced: the master has not stopped.
    let victim = server.children().swap_remove(0);
    kill_hard(&victim);
    wait_for("it is replaced", || {
        let children = server.children();
        children.len() == 2 && children.iter().all(|child| child.pid != victim.pid)
    });
    limit("1024");
    assert_all_answered("pass", &clients);
}

/// With room for some channels and not for all, there are fewer workers.
#[test]
fn a_master_with_few_descriptors_has_few_workers() {
    let mut launcher = Command::new("sh");
    launcher.args([
        "-c",
        "ulimit -n 16; exec \"$0\" \"$@\"",
        crate::support::server::BINARY,
    ]);
    let options = ["--workers", "30"];
    let mut server = Server::start_by(launcher, "prefork --accept pass", &options);
    wait_for("it says what it lacks", || server.said().contains("fork: "));
    exhaustion::assert_quiet(&server);
    for _ in 0..20 {
        assert_serves(&server);
    }
    assert!(server.is_running());
}

/// One worker alone: it competes with no other for the lock, and there is one channel.
#[test]
fn two_servers_do_not_disturb_each_other() {
    for strategy in all_strategies() {
        let (one, other) = (start(strategy, &[]), start(strategy, &[]));
        for _ in 0..10 {
            assert_serves(&one);
            assert_serves(&other);
        }
    }
}

/// A second server on the port is refused, even where listeners share it.
#[test]
fn the_port_of_one_server_is_not_shared_with_another() {
    let server = start("reuseport", &["--workers", "2"]);
    assert_serves(&server);
    let mut second = Command::new(crate::support::server::BINARY);
    second.args(["run", "prefork", "--accept", "reuseport", "--bind"]);
    let output = second.arg(server.address.to_string()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another server has this port"));
}

/// The slots that served, client by client.
fn slots_in_turn(strategy: &str) -> Vec<usize> {
    let server = start(strategy, &["--workers", "3"]);
    let next = |_| {
        wait_until_idle(&server, 3);
        slot_of(&server.connect())
    };
    (0..9).map(next).collect()
}

/// Waits until all workers wait for a descriptor, which they have reported to the master before.
fn wait_until_idle(server: &Server, workers: usize) {
    wait_for("all workers are idle", || {
        let calls = calls(server);
        calls.len() == workers && calls.iter().all(|call| *call == Some(libc::SYS_recvmsg))
    });
}

/// One worker waits in `accept`; the others wait for the lock, in this system call.
#[track_caller]
fn wait_for_holder(server: &Server, waiting: i64) -> Process {
    let mut holder = None;
    wait_for("one accepts and two wait for the lock", || {
        let children = server.children();
        let is_in = |process: &Process, call| proc::system_call(process.pid) == Some(call);
        holder = children
            .iter()
            .find(|it| is_in(it, libc::SYS_accept4))
            .cloned();
        let others = children.iter().filter(|it| is_in(it, waiting));
        holder.is_some() && others.count() == 2
    });
    holder.unwrap()
}

fn calls(server: &Server) -> Vec<Option<i64>> {
    let children = server.children();
    children
        .iter()
        .map(|it| proc::system_call(it.pid))
        .collect()
}

fn slot_of(client: &TcpStream) -> usize {
    wire::get(client, "/pid");
    let text = read_answer(client).text();
    text.trim().rsplit(' ').next().unwrap().parse().unwrap()
}

fn send_from_many(server: &Server, count: usize, path: &str) -> Vec<TcpStream> {
    let clients: Vec<TcpStream> = (0..count).map(|_| server.connect()).collect();
    for client in &clients {
        wire::get_and_close(client, path);
    }
    clients
}

#[track_caller]
fn assert_all_answered(strategy: &str, clients: &[TcpStream]) {
    for (index, client) in clients.iter().enumerate() {
        let status = wire::try_read_answer(client).map(|answer| answer.status());
        assert_eq!(status.ok(), Some(200), "{strategy}: client {index}");
    }
}

/// Kills a worker and waits until it can take no further client.
fn kill_hard(process: &Process) {
    kill(Pid::from_raw(process.pid), Signal::SIGKILL).unwrap();
    wait_for("it is dead", || !process.is_alive());
}
