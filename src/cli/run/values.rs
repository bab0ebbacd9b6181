//! The values that options of `servers run` may have: names from the registry and its kin.

use std::net::SocketAddr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::accept::{self, Pick, Strategy};
use crate::models::{self, Model};
use crate::server::Trigger;

/// Names are not resolved: one may stand for several addresses, and a server has one listener.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "should be an address and a port in digits, as in 127.0.0.1:8080 or [::1]:0")
}

/// Names and aliases from the registry, so that a misspelt one gets a suggestion.
pub(super) fn model_parser() -> impl TypedValueParser<Value = &'static Model> {
    let names = models::ALL.iter().map(|model| {
        PossibleValue::new(model.name)
            .aliases(model.aliases)
            .help(model.summary)
    });
    PossibleValuesParser::new(names).map(|name| {
        models::find(&name).expect("clap only lets names through that come from the registry")
    })
}

/// The names of all strategies; which of them a model has is its own affair.
pub(in crate::cli) fn strategy_parser() -> impl TypedValueParser<Value = Strategy> {
    let names = accept::ALL
        .iter()
        .map(|it| PossibleValue::new(it.name).help(it.summary));
    PossibleValuesParser::new(names).map(|name| {
        let known = accept::ALL.iter().copied().find(|it| it.name == name);
        known.expect("clap only lets names through that come from the list")
    })
}

/// The rules of `--accept pass`.
pub(super) fn pick_parser() -> impl TypedValueParser<Value = Pick> {
    let names = Pick::ALL.map(|pick| PossibleValue::new(pick.name()).help(pick.summary()));
    PossibleValuesParser::new(names).map(|name| {
        let known = Pick::ALL.into_iter().find(|it| it.name() == name);
        known.expect("clap only lets names through that come from the list")
    })
}

/// The names of the triggers; whether a model has them is its own affair.
pub(super) fn trigger_parser() -> impl TypedValueParser<Value = Trigger> {
    let names =
        Trigger::ALL.map(|trigger| PossibleValue::new(trigger.name()).help(trigger.summary()));
    PossibleValuesParser::new(names).map(|name| {
        let known = Trigger::ALL.into_iter().find(|it| it.name() == name);
        known.expect("clap only lets names through that come from the list")
    })
}
