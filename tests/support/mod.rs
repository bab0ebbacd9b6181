//! What the black-box tests share: the real binary on port 0, raw octets, and `/proc`.
//!
//! Nothing here asserts a duration. Whatever takes time is waited for as a condition, with a
//! deadline far beyond what it takes.

#![allow(dead_code, reason = "no test program uses all of it")]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

pub(crate) mod limited;
pub(crate) mod proc;
pub(crate) mod server;
pub(crate) mod wire;

use std::thread;
use std::time::{Duration, Instant};

/// Far beyond what any condition takes, even on a crowded machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds.
///
/// # Panics
/// After the deadline, with `what` was waited for.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the model has a master that keeps a pool of worker processes.
pub(crate) fn has_master(model: &str) -> bool {
    matches!(first_word(model), "prefork" | "worker" | "event")
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
            iterative fork prefork threaded poll epoll event
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
            assert_eq!(registry, [$(stringify!($model)),*]);
        }
    };
    (@model $model:ident [$($test:ident)*]) => {
        mod $model {
            $(#[test]
            fn $test() {
                super::$test(stringify!($model));
            })*
        }
    };
}
