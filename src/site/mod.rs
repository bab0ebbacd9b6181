//! The one request handler.
