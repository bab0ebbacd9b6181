//! The options of `servers run` that limit what one client can cost the server.

use std::time::Duration;

use super::duration;
use crate::http::Limits;

/// One option for each bound of [`Limits`].
#[derive(clap::Args)]
#[command(next_help_heading = "Limits on a client")]
pub(super) struct LimitArgs {
    /// Bytes of the request line; 414 beyond it.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().request_line)]
    limit_request_line: usize,

    /// Bytes of one header field; 431 beyond it.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().field_line)]
    limit_field_size: usize,

    /// Bytes of all header fields together; 431 beyond it.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().fields_total)]
    limit_fields_size: usize,

    /// Number of header fields, at most 256; 431 beyond it.
    #[arg(long, value_name = "N", default_value_t = Limits::default().fields as u16)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=Limits::FIELDS_CEILING as i64))]
    limit_fields: u16,

    /// Bytes of a request body; 413 beyond it.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().body)]
    limit_body: u64,

    /// Time for a whole request head; 408 beyond it.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    head_timeout: Duration,

    /// Time for a whole request body, extended as it arrives at --body-rate; 408 beyond it.
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration::parse)]
    body_timeout: Duration,

    /// Bytes per second at which a body gets more time than --body-timeout; 0 for none.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().body_rate)]
    body_rate: u64,

    /// Time without progress while an answer is sent; the connection is closed beyond it.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    send_timeout: Duration,

    /// Time between two requests on a connection; it is closed beyond it.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration::parse)]
    keep_alive_timeout: Duration,

    /// Requests on one connection; it is closed after them.
    #[arg(long, value_name = "N", default_value_t = Limits::default().requests)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    keep_alive_requests: u64,

    /// Time to drop what a client still sends when its connection closes, so that it can read the
    /// answer.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration::parse)]
    linger_timeout: Duration,

    /// Bytes for which a client that goes on sending gets one more second; 0 for none.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().linger_rate)]
    linger_rate: u64,

    /// The most time that this may take.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    linger_max: Duration,
}

impl From<&LimitArgs> for Limits {
    fn from(args: &LimitArgs) -> Self {
        Self {
            request_line: args.limit_request_line,
            field_line: args.limit_field_size,
            fields_total: args.limit_fields_size,
            fields: args.limit_fields.into(),
            body: args.limit_body,
            head_time: args.head_timeout,
            body_time: args.body_timeout,
            body_rate: args.body_rate,
            send_time: args.send_timeout,
            idle_time: args.keep_alive_timeout,
            requests: args.keep_alive_requests,
            linger_time: args.linger_timeout,
            linger_rate: args.linger_rate,
            linger_max: args.linger_max,
            proxy_header: false,
        }
    }
}
