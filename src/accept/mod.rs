//! How connections are taken from the shared listener.
