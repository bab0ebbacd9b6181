//! Workers that reach `--max-requests` are replaced, and no client notices.

use std::collections::BTreeSet;
use std::io::Read;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::proc::Process;
use crate::support::wait_for;
use crate::support::wire::{self, read_answer};
use crate::{
    assert_serves, for_every_pool, hold, load, send, served_by, start, start_model, workers,
};

fn the_last_answer_of_a_worker_says_that_it_is_the_last(model: &str) {
    let server = start_model(model, 1, &["--max-requests", "3", "--threads", "1"]);
    let mut pids = BTreeSet::new();
    for _ in 0..4 {
        let client = server.connect();
        for nth in 1..=3 {
            wire::get(&client, "/pid");
            let answer = read_answer(&client);
            let closes = answer.field("Connection") == Some("close");
            assert_eq!(closes, nth == 3, "request {nth}");
            pids.insert(answer.text().split(' ').next().unwrap().to_owned());
        }
        let (rest, was_reset) = wire::read_to_end(&client);
        assert_eq!((rest, was_reset), (Vec::new(), false));
    }
    assert_eq!(pids.len(), 4, "four different workers");
}

/// A slow client holds a worker that has reached `--max-requests`. Meanwhile its successor serves
/// other clients, and the slow client gets its whole answer.
fn a_slow_client_of_a_leaving_worker_delays_no_other(model: &str) {
    let options = ["--max-requests", "1", "--threads", "2"];
    let server = start_model(
        model,
        1,
        &[&options[..], &["--graceful-timeout", "1s"]].concat(),
    );
    let before = workers(&server);
    let mut lazy = server.connect();
    wire::get_and_close(&lazy, "/bytes?n=50000000");
    lazy.read_exact(&mut [0; 1000]).unwrap();
    for _ in 0..3 {
        assert_serves(&server);
    }
    // It has more time than the clients of a worker that is told to stop.
    std::thread::sleep(Duration::from_secs(3));
    assert!(workers(&server).contains(&before[0]));
    let (rest, was_reset) = wire::read_to_end(&lazy);
    assert!(rest.len() > 49_000_000 && !was_reset, "{}", rest.len());
    wait_for("it has left", || !workers(&server).contains(&before[0]));
    let said = server.said();
    assert!(!said.contains("SIGKILL") && !said.contains(" ms"), "{said}");
}

#[test]
fn a_slow_client_of_leaving_threads_delays_no_other() {
    a_slow_client_of_a_leaving_worker_delays_no_other("worker");
}

#[test]
fn a_slow_client_of_a_leaving_loop_delays_no_other() {
    for strategy in ["exclusive", "epoll", "reuseport"] {
        let model = format!("event --accept {strategy}");
        a_slow_client_of_a_leaving_worker_delays_no_other(&model);
    }
}

/// There are many more slow clients than workers that may leave at once. Each leaving worker is
/// replaced, and the pool never exceeds three times its size. There are enough threads for all.
#[test]
fn slow_clients_do_not_use_up_a_pool_of_leaving_workers() {
    for model in ["worker", "event"] {
        let server = start_model(model, 2, &["--max-requests", "5", "--threads", "4"]);
        let mut lazy = Vec::new();
        for _ in 0..8 {
            let mut client = server.connect();
            wire::get_and_close(&client, "/bytes?n=50000000");
            client.read_exact(&mut [0; 1000]).unwrap();
            lazy.push(client);
            for _ in 0..20 {
                assert_serves(&server);
            }
            assert!(workers(&server).len() <= 6, "{model}: {}", server.said());
        }
        assert!(server.said().contains("so the others go on"), "{model}");
        drop(lazy);
        wait_for("two workers", || workers(&server).len() == 2);
        assert_serves(&server);
    }
}

#[test]
fn jitter_spreads_the_ends() {
    let server = start(1, &["--max-requests", "2", "--max-requests-jitter", "8"]);
    let mut lives = BTreeSet::new();
    for _ in 0..30 {
        let client = server.connect();
        let mut answers = 1;
        wire::get(&client, "/");
        while read_answer(&client).field("Connection") != Some("close") {
            answers += 1;
            wire::get(&client, "/");
        }
        lives.insert(answers);
    }
    assert!(
        lives.iter().all(|life| (2..=10).contains(life)),
        "{lives:?}"
    );
    assert!(lives.len() > 1, "{lives:?}");
}

for_every_pool! {
    the_last_answer_of_a_worker_says_that_it_is_the_last,
    all_workers_are_replaced_at_a_hang_up,
    an_idle_client_gets_one_more_answer_from_the_old_generation,
}

/// Makes a test of each function for each accept strategy of each model with a master. The
/// functions take the names of both.
macro_rules! for_every_strategy {
    ($($test:ident),*) => {
        mod strategies {
            for_every_strategy! { @model prefork [$($test)*] shared flock mutex pass reuseport }
            for_every_strategy! { @model event [$($test)*] exclusive epoll reuseport }
        }
    };
    (@model $model:ident $tests:tt $($strategy:ident)*) => {
        mod $model {
            $(for_every_strategy! { @strategy $model $strategy $tests })*
        }
    };
    (@strategy $model:ident $strategy:ident [$($test:ident)*]) => {
        mod $strategy {
            $(#[test]
            fn $test() {
                crate::recycling::$test(stringify!($model), stringify!($strategy));
            })*
        }
    };
}

for_every_strategy! {
    no_client_sees_an_error_when_workers_are_replaced,
    no_client_sees_an_error_at_a_hang_up
}

fn no_client_sees_an_error_when_workers_are_replaced(model: &str, strategy: &str) {
    let rules = ["--max-requests", "20", "--max-requests-jitter", "20"];
    let server = start_model(model, 3, &[&["--accept", strategy], &rules[..]].concat());
    for options in [&["-n", "2000"][..], &["-n", "500", "--no-keep-alive"]] {
        assert_clean(&load(&server, options));
    }
    assert_serves(&server);
    let said = server.said();
    assert!(!said.contains(" ms"), "it is no failure: {said}");
}

fn no_client_sees_an_error_at_a_hang_up(model: &str, strategy: &str) {
    let server = start_model(model, 4, &["--accept", strategy]);
    for mode in [&[][..], &["--no-keep-alive"]] {
        let before = workers(&server);
        std::thread::scope(|scope| {
            let under_load = scope.spawn(|| load(&server, &[&["-d", "1500ms"], mode].concat()));
            server.signal(Signal::SIGHUP);
            wait_for("four new workers", || {
                let workers = workers(&server);
                workers.len() == 4 && !workers.iter().any(|pid| before.contains(pid))
            });
            assert_clean(&under_load.join().unwrap());
        });
    }
}

/// SIGHUP makes a new generation. Each new worker is ready before an old one leaves.
fn all_workers_are_replaced_at_a_hang_up(model: &str) {
    let server = start_model(model, 4, &[]);
    for _ in 0..3 {
        let before = workers(&server);
        server.signal(Signal::SIGHUP);
        wait_for("four new workers", || {
            let workers = workers(&server);
            workers.len() == 4 && !workers.iter().any(|pid| before.contains(pid))
        });
        assert_serves(&server);
    }
    assert!(!server.said().contains("worker"), "{}", server.said());
}

/// A client whose kept connection is idle when its worker is told to leave is not cut off.
fn an_idle_client_gets_one_more_answer_from_the_old_generation(model: &str) {
    let server = start_model(model, 1, &["--keep-alive-timeout", "300s"]);
    let client = hold(&server, 1).remove(0);
    let old = served_by(&client);
    server.signal(Signal::SIGHUP);
    wait_for("the new worker is there", || workers(&server).len() == 2);
    wire::get(&client, "/pid");
    let answer = read_answer(&client);
    assert!(answer.text().starts_with(&old.to_string()), "{answer:?}");
    // Until then the new worker may be forked but not ready yet.
    if answer.field("Connection") != Some("close") {
        wait_for("it says that it leaves", || {
            wire::get(&client, "/");
            read_answer(&client).field("Connection") == Some("close")
        });
    }
    wait_for("it has left", || !workers(&server).contains(&old));
}

/// A worker that was held up finds both signals at once: leave, and stop. It will soon be killed,
/// so a client that waits in the accept queue is better off with another worker.
#[test]
fn a_worker_that_is_told_to_leave_and_to_stop_accepts_no_more() {
    // With several threads, one could accept again before another has taken the signals.
    for model in ["prefork", "event"] {
        let server = start_model(model, 1, &["--worker-timeout", "600s"]);
        let old = workers(&server)[0];
        send(old, Signal::SIGSTOP);
        wait_for("it is held up", || {
            Process::find(old).is_some_and(|it| it.state == 'T')
        });
        let clients: Vec<_> = (0..5).map(|_| server.connect()).collect();
        for client in &clients {
            wire::get_and_close(client, "/pid");
        }
        for signal in [Signal::SIGUSR1, Signal::SIGTERM, Signal::SIGCONT] {
            send(old, signal);
        }
        for client in &clients {
            let text = read_answer(client).text();
            assert!(!text.starts_with(&format!("{old} ")), "{text}");
        }
        wait_for("it has left", || !workers(&server).contains(&old));
    }
}

#[track_caller]
fn assert_clean(report: &serde_json::Value) {
    let errors = report["errors"].as_object().unwrap();
    let count: u64 = errors.values().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(count, 0, "{report}");
    assert!(report["requests"].as_u64().unwrap() > 0, "{report}");
}
