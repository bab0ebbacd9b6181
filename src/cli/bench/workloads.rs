//! Workloads as they are typed.

use clap::builder::{PossibleValue, PossibleValuesParser};

use crate::bench::workload::Workload;

/// Stands for every workload.
const ALL: &str = "all";

/// Offers the workloads by name, each with its sentence.
pub(super) fn parser() -> PossibleValuesParser {
    let mut values: Vec<PossibleValue> = Workload::all()
        .into_iter()
        .map(|it| PossibleValue::new(it.name).help(it.why))
        .collect();
    values.push(PossibleValue::new(ALL).help("Every one of them"));
    PossibleValuesParser::new(values)
}

/// The workloads of these names, each once.
pub(super) fn chosen(names: &[String]) -> Vec<Workload> {
    let is_chosen = |it: &Workload| names.contains(&it.name) || names.iter().any(|it| it == ALL);
    Workload::all().into_iter().filter(is_chosen).collect()
}
