//! The values of options of `servers run` that are names: models, strategies, rules, triggers.
//! Whether the chosen model has the strategy or the trigger is checked later.

use std::net::{SocketAddr, ToSocketAddrs};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::accept::{self, Pick, Strategy};
use crate::cli::wrong_call_error;
use crate::models::{self, Model};
use crate::server::Trigger;

/// Where to listen: the addresses that the value of `--bind` stands for, in the order to try them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bind(pub(super) Vec<SocketAddr>);

/// `ADDR:PORT`, `NAME:PORT` with all addresses of the name, `:PORT` for every IPv4 address of this
/// machine, or `PORT` for this machine alone.
pub(super) fn parse_bind(text: &str) -> Result<Bind, String> {
    if let Ok(address) = text.parse() {
        return Ok(Bind(vec![address]));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
    let port: u16 = port.parse().map_err(|_| {
        "should be [ADDR:]PORT or NAME:PORT, as in 127.0.0.1:8080, [::1]:0, localhost:8080 or 8080"
    })?;
    let host = if host.is_empty() { "0.0.0.0" } else { host };
    let found = (host, port).to_socket_addrs();
    let mut found: Vec<SocketAddr> = found
        .map_err(|error| format!("cannot find the address of '{host}': {error}"))?
        .collect();
    found.dedup();
    Ok(Bind(found))
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
