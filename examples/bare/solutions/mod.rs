//! Exercises of the chapters, solved. A test shows that the bare server fails and this one passes.

pub(crate) mod fork;
pub(crate) mod iterative;
pub(crate) mod prefork;
pub(crate) mod threaded;
