//! Exercises of the chapters, solved. A test shows that the bare server fails and this one passes.

pub(crate) mod r#async;
pub(crate) mod backlog;
pub(crate) mod compare;
pub(crate) mod counts;
pub(crate) mod descriptors;
pub(crate) mod epoll;
pub(crate) mod event;
pub(crate) mod fork;
pub(crate) mod front;
pub(crate) mod iterative;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod merge;
pub(crate) mod poll;
pub(crate) mod prefork;
pub(crate) mod prethreaded;
pub(crate) mod privileges;
pub(crate) mod reload;
pub(crate) mod reuseport;
pub(crate) mod sizing;
pub(crate) mod stop;
pub(crate) mod threaded;
pub(crate) mod uring;
pub(crate) mod worker;
