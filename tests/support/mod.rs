//! What the black-box tests share: the real binary on port 0, raw bytes, and `/proc`.
//!
//! Nothing here asserts a duration. A test waits for a condition, with a deadline far beyond the
//! time that it usually takes.

#![allow(dead_code, reason = "no test program uses all of it")]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

#[cfg(target_arch = "x86_64")]
pub(crate) mod attached;
pub(crate) mod limited;
pub(crate) mod proc;
pub(crate) mod server;
pub(crate) mod wire;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Far beyond the time that any condition takes, even on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds.
///
/// # Panics
/// After the deadline, with `what` in the message.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether this machine can run the model. If not (a kernel without io_uring, or a container that
/// forbids it), the server has to say so, and the test is skipped for all to see.
#[track_caller]
pub(crate) fn can_run(model: &str) -> bool {
    let known = row(model);
    // On a thread of its own: the kernel clears up behind a ring by interrupting who has made it.
    let checked = thread::spawn(|| known.check(None)).join().unwrap();
    let Err(reason) = checked else {
        return true;
    };
    let refused = Command::new(server::BINARY)
        .args(["run", known.name, "--bind", "127.0.0.1:0"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(refused.stdout.is_empty(), "the port is not announced");
    assert!(said.contains(&reason.to_string()), "{said}");
    eprintln!("skipped: {}", said.trim_end());
    false
}

/// The name of a model behind its identifier: `async` is a keyword, and `r#async` is none.
pub(crate) fn name(identifier: &'static str) -> &'static str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

/// Whether the model has a master that keeps a pool of worker processes.
pub(crate) fn has_master(model: &str) -> bool {
    row(model).has_master()
}

/// The model's row of the registry, for tests that ask what the model can do.
pub(crate) fn row(model: &str) -> &'static servers::models::Model {
    servers::models::find(first_word(model)).expect("a model of the registry")
}

/// The model's name, without the options that make a variation of it.
pub(crate) fn first_word(model: &str) -> &str {
    model.split(' ').next().unwrap_or(model)
}

/// Makes one `#[test]` of each function for every model of the registry, and for variations of some
/// of them; the functions take the model's name with the options of its variation. A model that
/// joins the registry and not this list fails the last test.
#[macro_export]
macro_rules! for_every_model {
    ($($test:ident),* $(,)?) => {
        $crate::for_every_model! { @tests [$($test)*]
            iterative fork prefork threaded prethreaded worker poll epoll event uring r#async
        }
        $crate::for_every_model! { @variation epoll_edge "epoll --trigger edge" [$($test)*] }
        $crate::for_every_model! { @variation event_edge "event --trigger edge" [$($test)*] }
        $crate::for_every_model! { @variation event_herd "event --accept epoll" [$($test)*] }
        $crate::for_every_model! {
            @variation event_reuseport "event --accept reuseport" [$($test)*]
        }
    };
    (@variation $name:ident $model:literal [$($test:ident)*]) => {
        mod $name {
            $(#[test]
            fn $test() {
                super::$test($model);
            })*
        }
    };
    (@tests $tests:tt $($model:ident)*) => {
        $($crate::for_every_model! { @model $model $tests })*

        #[test]
        fn every_model_of_the_registry_is_tested() {
            let registry: Vec<&str> = servers::models::ALL.iter().map(|model| model.name).collect();
            assert_eq!(registry, [$($crate::support::name(stringify!($model))),*]);
        }
    };
    (@model $model:ident [$($test:ident)*]) => {
        mod $model {
            $(#[test]
            fn $test() {
                let model = $crate::support::name(stringify!($model));
                if $crate::support::can_run(model) {
                    super::$test(model);
                }
            })*
        }
    };
}
