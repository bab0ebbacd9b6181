//! The log of connections that do not begin with a header of the PROXY protocol.

use std::os::fd::AsFd;

use crate::http::Conn;
use crate::sys::line_counts::Common;
use crate::sys::log::Level;
use crate::sys::net;
use crate::sys::quota::Quota;

/// Anything that can reach the port can cause them.
static FAULTS: Quota = Quota::common(
    Level::Warn,
    "connections without a PROXY header",
    Common::ProxyHeaders,
);

/// To be called when a connection closes: logs that it has not begun as `--proxy-protocol` asks.
pub fn log_fault(conn: &Conn<'_>, client: &impl AsFd) {
    if let Some(fault) = conn.proxy_fault() {
        log(fault, client);
    }
}

#[cold]
fn log(fault: &str, client: &impl AsFd) {
    match net::peer(client) {
        Some(peer) => FAULTS.log(format_args!("closed: {fault} from {peer}")),
        None => FAULTS.log(format_args!("closed: {fault} from a client that has gone")),
    }
}
