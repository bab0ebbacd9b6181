//! The values of options of `servers run` that are names: models, strategies, rules, triggers.
//! Whether the chosen model has the strategy or the trigger is checked later.

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
