//! The values of options of `servers run` that are names: models, strategies, rules, triggers.
//! Whether the chosen model has the strategy or the trigger is checked later.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::accept::{self, Pick, Strategy};
use crate::cli::wrong_call_error;
use crate::models::{self, Model};
use crate::server::Trigger;
use crate::sys::address::{Address, UNIX};

/// A value of `--bind`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bind {
    /// The addresses that the value stands for, in the order to try them.
    Tcp(Vec<SocketAddr>),
    /// The file of a Unix socket.
    Unix(PathBuf),
}

impl Bind {
    /// Whether a socket that listens at `address` is what the value asks for.
    pub(super) fn allows(&self, address: &Address) -> bool {
        match (self, address) {
            // Port 0 is any.
            (Self::Tcp(all), Address::Tcp(address)) => all.iter().any(|it| {
                it.ip() == address.ip() && (it.port() == 0 || it.port() == address.port())
            }),
            (Self::Unix(path), Address::Unix(other)) => path == other,
            _ => false,
        }
    }
}

/// `ADDR:PORT`, `NAME:PORT` with all addresses of the name, `:PORT` for every IPv4 address of this
/// machine, `PORT` for this machine alone, or `unix:PATH`.
pub(super) fn parse_bind(text: &str) -> Result<Bind, String> {
    if let Some(path) = text.strip_prefix(UNIX) {
        return unix_path(path).map(Bind::Unix);
    }
    if let Ok(address) = text.parse() {
        return Ok(Bind::Tcp(vec![address]));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
    let port: u16 = port.parse().map_err(|_| {
        "should be [ADDR:]PORT or NAME:PORT, as in 127.0.0.1:8080, [::1]:0, localhost:8080 or \
         8080; or unix:PATH"
    })?;
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let found = (host, port).to_socket_addrs();
    let mut found: Vec<SocketAddr> = found
        .map_err(|error| format!("cannot find the address of '{host}': {error}"))?
        .collect();
    found.dedup();
    Ok(Bind::Tcp(found))
}

/// An IP address and a port, for the status. A Unix socket could not change hands in an upgrade:
/// two masters have the address for a while, and only TCP lets them share it.
pub(super) fn parse_status_bind(text: &str) -> Result<Bind, String> {
    match parse_bind(text)? {
        tcp @ Bind::Tcp(_) => Ok(tcp),
        Bind::Unix(_) => Err("should be [ADDR:]PORT: the status has no Unix socket".to_owned()),
    }
}

/// Absolute, so that the address stays the same wherever a successor is started.
fn unix_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if !path.is_absolute() {
        return Err(
            "should be unix: and an absolute path, as in unix:/run/servers.sock".to_owned(),
        );
    }
    let bytes = path.as_os_str().len();
    if bytes > UNIX_PATH_MAX_BYTES {
        return Err(format!(
            "the path has {bytes} bytes, and a Unix socket may have {UNIX_PATH_MAX_BYTES}"
        ));
    }
    Ok(path)
}

/// `sockaddr_un` has room for 108 bytes, the last of which is zero (`unix(7)`).
const UNIX_PATH_MAX_BYTES: usize = 107;

/// The permission bits of a file, in octal.
pub(super) fn parse_mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok();
    let mode = mode.filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| "should be three octal digits, as in 660".to_owned())
}

/// Names and aliases from the registry, so that a misspelt one gets a suggestion.
pub(super) fn model_parser() -> impl TypedValueParser<Value = &'static Model> {
    one_of(models::ALL.iter().map(|model| {
        let name = PossibleValue::new(model.name).aliases(model.aliases);
        (name.help(model.summary), model)
    }))
}

pub(in crate::cli) fn strategy_parser() -> impl TypedValueParser<Value = Strategy> {
    let all = accept::ALL.iter();
    one_of(all.map(|it| (PossibleValue::new(it.name).help(it.summary), *it)))
}

/// The rules of `--accept pass`.
pub(super) fn pick_parser() -> impl TypedValueParser<Value = Pick> {
    one_of(Pick::ALL.map(|it| (PossibleValue::new(it.name()).help(it.summary()), it)))
}

pub(super) fn trigger_parser() -> impl TypedValueParser<Value = Trigger> {
    one_of(Trigger::ALL.map(|it| (PossibleValue::new(it.name()).help(it.summary()), it)))
}

/// A parser for one of these names; the value is what stands beside the name.
fn one_of<T: Copy + Send + Sync + 'static>(
    values: impl IntoIterator<Item = (PossibleValue, T)>,
) -> impl TypedValueParser<Value = T> {
    let values: Vec<(PossibleValue, T)> = values.into_iter().collect();
    let names = PossibleValuesParser::new(values.iter().map(|(name, _)| name.clone()));
    names.map(move |word| {
        let found = values.iter().find(|(name, _)| name.matches(&word, false));
        found
            .expect("clap only lets the names of the list through")
            .1
    })
}

/// Adds the list of models to the error of a call that names none.
pub(in crate::cli) fn name_models(error: clap::Error) -> clap::Error {
    let is_model = |name: &String| name.contains("MODEL");
    let names_none = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(names)) => names.iter().any(is_model),
        _ => false,
    };
    if error.kind() != ErrorKind::MissingRequiredArgument || !names_none {
        return error;
    }
    let lines = models::ALL.iter();
    let lines = lines.map(|model| format!("\n  {:<12}{}", model.name, model.summary));
    let message = format!("which MODEL?{}", lines.collect::<String>());
    wrong_call_error("run", ErrorKind::MissingRequiredArgument, message)
}
