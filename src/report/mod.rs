//! What people look at.

pub mod load;
