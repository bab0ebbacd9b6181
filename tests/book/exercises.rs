//! The exercises of the chapters that change a bare server.
//!
//! Each is two-way: its check fails against the bare server, and passes against the solution.
//! `cargo test --test book -- --ignored exercise_NAME` asks whether a reader has solved it in the
//! bare server itself.

mod compare;
mod limits;
mod operations;
mod pools;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{setsockopt, sockopt::Linger};
use nix::unistd::Pid;
use servers::models;

use super::bare::{Bare, REQUEST};
use super::support::proc::{Process, tree};
use super::support::{self, DEADLINE};

/// How long a client waits where no answer is expected: a server that waits for another client
/// gives none at all.
const PATIENCE: Duration = Duration::from_secs(10);

/// Chapter 2: a silent client holds up the others for a moment only.
fn survives_a_silent_client(server: &mut Bare) -> bool {
    let silent = server.connect().unwrap();
    let answered = server.answers(PATIENCE);
    drop(silent);
    answered
}

/// Chapter 3: children that have ended do not pile up.
fn reaps(server: &mut Bare) -> bool {
    for _ in 0..10 {
        assert!(server.answers(DEADLINE));
    }
    // A child ends a moment after its client has the answer, and is reaped later still.
    in_time(|| {
        assert!(server.answers(DEADLINE));
        server.children().len() <= 3
    })
}

/// Chapter 4: dead workers are replaced.
fn replaces_workers(server: &mut Bare) -> bool {
    assert!(server.answers(DEADLINE));
    support::wait_for("four workers", || server.children().len() == 4);
    let workers = server.children();
    for worker in &workers {
        kill(Pid::from_raw(*worker), Signal::SIGKILL).unwrap();
    }
    // A worker that is dying may still accept a client, and takes it along.
    support::wait_for("their ends", || {
        !server.children().iter().any(|it| workers.contains(it))
    });
    server.answers(DEADLINE)
}

/// Chapter 5: four listeners on one port.
fn has_a_queue_for_each_worker(server: &mut Bare) -> bool {
    let port = format!(":{:04X}", server.address.port());
    let listening = "0A";
    in_time(|| {
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let sockets = table.lines().filter(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            fields[1].ends_with(&port) && fields[3] == listening
        });
        sockets.count() == 4
    })
}

/// Chapter 6: the number of threads is limited, and the clients beyond it wait.
fn limits_its_threads(server: &mut Bare) -> bool {
    let silent: Vec<_> = (0..20).map(|_| server.connect().unwrap()).collect();
    support::wait_for("ten threads", || server.threads() > 10);
    let kept = !soon(|| server.threads() > 11);
    drop(silent);
    kept && server.answers(DEADLINE)
}

/// Chapter 7: eight clients are served, eight wait in the queue, and one is in the hands of the
/// main thread. The kernel has the others.
fn queues_a_bounded_number(server: &mut Bare) -> bool {
    let silent: Vec<_> = (0..30).map(|_| server.connect().unwrap()).collect();
    let listener = 1;
    let has_queue = in_time(|| server.sockets() > listener + 8);
    let is_bounded = !soon(|| server.sockets() > listener + 17);
    drop(silent);
    has_queue && is_bounded && server.answers(DEADLINE)
}

/// Chapter 9: half a request is no request.
fn waits_for_whole_requests(server: &mut Bare) -> bool {
    let mut slow = server.connect().unwrap();
    let (begin, end) = REQUEST.split_at(10);
    slow.write_all(begin).unwrap();
    // The loop has looked at the slow client before it answers the second of these.
    assert!(server.answers(DEADLINE));
    assert!(server.answers(DEADLINE));
    slow.set_nonblocking(true).unwrap();
    if slow.peek(&mut [0]).is_ok() {
        return false;
    }
    slow.set_nonblocking(false).unwrap();
    slow.write_all(end).is_ok() && is_answered(slow)
}

/// Chapter 10: Ctrl-Z and `fg`, or a debugger, do not end the server.
fn survives_a_suspension(server: &mut Bare) -> bool {
    assert!(server.answers(DEADLINE));
    let pid = Pid::from_raw(server.pid());
    let state = || Process::find(server.pid()).unwrap().state;
    // It has to be in its wait.
    support::wait_for("sleep", || state() == 'S');
    kill(pid, Signal::SIGSTOP).unwrap();
    support::wait_for("a suspended server", || state() == 'T');
    kill(pid, Signal::SIGCONT).unwrap();
    support::wait_for("a resumed server", || state() != 'T');
    // A server that ends may still accept a client, and takes it along.
    !soon(|| state() == 'Z') && server.answers(DEADLINE)
}

/// Chapter 11: while both workers sleep, a connection wakes one.
fn wakes_one_worker(server: &mut Bare) -> bool {
    support::wait_for("two workers", || server.children().len() == 2);
    let workers = server.children();
    let all_sleep = || {
        let states = workers.iter().map(|it| Process::find(*it).unwrap().state);
        states.clone().all(|it| it == 'S')
    };
    let switches = || workers.iter().map(|it| voluntary_switches(*it));
    assert!(server.answers(DEADLINE));
    support::wait_for("sleep", all_sleep);
    let before: Vec<_> = switches().collect();
    let connections = 20;
    for _ in 0..connections {
        support::wait_for("sleep", all_sleep);
        assert!(server.answers(DEADLINE));
    }
    support::wait_for("sleep", all_sleep);
    let mut times_woken = switches().zip(before).map(|(after, before)| after - before);
    times_woken.any(|times| times < connections / 2)
}

/// Chapter 12: what a client does costs the server no descriptor.
fn closes_after_a_reset(server: &mut Bare) -> bool {
    assert!(server.answers(DEADLINE));
    let no_linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    for _ in 0..20 {
        let client = server.connect().unwrap();
        setsockopt(&client, Linger, &no_linger).unwrap();
    }
    assert!(server.answers(DEADLINE));
    in_time(|| server.sockets() < 10)
}

/// Chapter 13: a silent client is let go.
fn lets_go_of_silent_clients(server: &mut Bare) -> bool {
    let mut silent = server.connect().unwrap();
    assert!(server.answers(DEADLINE));
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    // The end of the connection, or none.
    silent.read(&mut [0]).is_ok_and(|count| count == 0)
}

/// Chapter 17: SIGTERM ends the idle workers and the master, and cuts off no client.
fn stops_gracefully(server: &mut Bare) -> bool {
    support::wait_for("four workers", || server.children().len() == 4);
    let workers = server.children();
    let served = || {
        let workers = workers.iter().filter_map(|it| Process::find(*it));
        let sockets = |it: Process| it.descriptors().into_iter();
        let of_all = workers.flat_map(sockets);
        of_all.filter(|it| it.starts_with("socket:")).count()
    };
    let listeners = served();
    let mut client = server.connect().unwrap();
    support::wait_for("a served client", || served() > listeners);
    let processes = tree(server.pid());
    kill(Pid::from_raw(server.pid()), Signal::SIGTERM).unwrap();
    let is_over = |it: &&Process| !it.is_alive();
    support::wait_for("the end of the master or of three workers", || {
        !processes[0].is_alive() || processes.iter().filter(is_over).count() == 3
    });
    client.write_all(REQUEST).is_ok()
        && is_answered(client)
        && server.exit_code() == Some(0)
        && processes.iter().all(|it| !it.is_alive())
}

fn is_answered(mut client: TcpStream) -> bool {
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).is_ok() && answer.ends_with("\r\n\r\nhello\n")
}

/// Whether it happens within a second: what a right server never does.
fn soon(event: impl FnMut() -> bool) -> bool {
    within(Duration::from_secs(1), event)
}

/// Whether it happens, however busy the machine is: what a wrong server never does.
fn in_time(event: impl FnMut() -> bool) -> bool {
    within(PATIENCE, event)
}

fn within(time: Duration, mut event: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time;
    loop {
        if event() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn voluntary_switches(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.unwrap().trim().parse().unwrap()
}

/// An exercise: its name, and that of its solution; the bare server that is to be changed.
struct Exercise {
    name: &'static str,
    server: &'static str,
    check: fn(&mut Bare) -> bool,
}

const EXERCISES: &[Exercise] = &[
    Exercise {
        name: "backlog",
        server: "iterative",
        check: limits::queues_a_burst,
    },
    Exercise {
        name: "iterative",
        server: "iterative",
        check: survives_a_silent_client,
    },
    Exercise {
        name: "fork",
        server: "fork",
        check: reaps,
    },
    Exercise {
        name: "prefork",
        server: "prefork",
        check: replaces_workers,
    },
    Exercise {
        name: "reuseport",
        server: "prefork",
        check: has_a_queue_for_each_worker,
    },
    Exercise {
        name: "threaded",
        server: "threaded",
        check: limits_its_threads,
    },
    Exercise {
        name: "prethreaded",
        server: "prethreaded",
        check: queues_a_bounded_number,
    },
    Exercise {
        name: "worker",
        server: "worker",
        check: pools::recycles_its_processes,
    },
    Exercise {
        name: "poll",
        server: "poll",
        check: waits_for_whole_requests,
    },
    Exercise {
        name: "epoll",
        server: "epoll",
        check: survives_a_suspension,
    },
    Exercise {
        name: "event",
        server: "event",
        check: wakes_one_worker,
    },
    Exercise {
        name: "uring",
        server: "uring",
        check: closes_after_a_reset,
    },
    Exercise {
        name: "async",
        server: "async",
        check: lets_go_of_silent_clients,
    },
    Exercise {
        name: "counts",
        server: "counts",
        check: pools::counts_all_clients,
    },
    Exercise {
        name: "descriptors",
        server: "epoll",
        check: limits::sleeps_without_descriptors,
    },
    Exercise {
        name: "stop",
        server: "prefork",
        check: stops_gracefully,
    },
];

#[test]
fn an_exercise_fails_unsolved_and_passes_solved() {
    // What a wrong server never does takes long to see, so all are seen at a time.
    thread::scope(|scope| {
        for exercise in EXERCISES {
            scope.spawn(|| fails_unsolved_and_passes_solved(exercise));
        }
    });
}

fn fails_unsolved_and_passes_solved(exercise: &Exercise) {
    let Exercise {
        name,
        server,
        check,
    } = exercise;
    // Not every server of an exercise is that of a model.
    if models::find(server).is_some() && !support::can_run(server) {
        return;
    }
    if *name == "backlog" && limits::backlog_max() < limits::BURST {
        eprintln!("skipped: net.core.somaxconn is below {}", limits::BURST);
        return;
    }
    let mut unsolved = Bare::start(server);
    assert!(!check(&mut unsolved), "{name} needs no solution");
    drop(unsolved);
    let mut solution = Bare::start(&format!("solutions/{name}"));
    assert!(check(&mut solution), "the solution of {name} is none");
    // Those of which the check wants an end have none to answer.
    if !["counts", "stop"].contains(name) {
        assert!(solution.answers(DEADLINE), "{name} answers afterwards");
    }
}

/// For a reader: whether the bare server itself has been changed as the exercise asks.
macro_rules! for_the_reader {
    ($($test:ident: $name:literal),* $(,)?) => {$(
        #[test]
        #[ignore = "passes when a reader has solved the exercise in examples/bare/"]
        fn $test() {
            let exercise = EXERCISES.iter().find(|it| it.name == $name).unwrap();
            assert!((exercise.check)(&mut Bare::start(exercise.server)));
        }
    )*};
}

for_the_reader! {
    exercise_backlog: "backlog",
    exercise_iterative: "iterative",
    exercise_fork: "fork",
    exercise_prefork: "prefork",
    exercise_reuseport: "reuseport",
    exercise_threaded: "threaded",
    exercise_prethreaded: "prethreaded",
    exercise_worker: "worker",
    exercise_poll: "poll",
    exercise_epoll: "epoll",
    exercise_event: "event",
    exercise_uring: "uring",
    exercise_async: "async",
    exercise_counts: "counts",
    exercise_descriptors: "descriptors",
    exercise_stop: "stop",
}
