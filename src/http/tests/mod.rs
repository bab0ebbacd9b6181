//! Tests of the HTTP core as a whole, on connections that have no socket.

mod deadlines;
pub(crate) mod harness;
mod hostile;
pub(super) mod requests;
mod rules;
mod split;
mod stopping;
mod watching;
mod writing;
