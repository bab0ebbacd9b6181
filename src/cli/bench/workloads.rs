//! Workloads as they are typed.

use clap::builder::{PossibleValue, PossibleValuesParser};

use std::path::{Path, PathBuf};

use crate::bench::workload::Workload;
use crate::cli::load::read_workload;

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

/// The workload of this name, or of the file of this name in `directory`.
///
/// # Errors
/// There is no such workload, or the file is wrong.
pub(super) fn read(name: &str, directory: &Path) -> Result<Workload, String> {
    let is_file = name.ends_with(".toml");
    match (Workload::named(name), is_file) {
        (Some(workload), _) => Ok(workload),
        (None, true) => of_file(&directory.join(name)),
        (None, false) => {
            let names: Vec<String> = Workload::all().into_iter().map(|it| it.name).collect();
            Err(format!(
                "'{name}' is no workload: write one of {}, or the name of a .toml file",
                names.join(", ")
            ))
        }
    }
}

/// The workloads of these files, each under the file's name.
///
/// # Errors
/// A file that cannot be read, and a sentence for what is wrong in it.
pub(super) fn of_files(files: &[PathBuf]) -> Result<Vec<Workload>, String> {
    files.iter().map(|file| of_file(file)).collect()
}

fn of_file(file: &Path) -> Result<Workload, String> {
    let requests = read_workload(file).map_err(|error| format!("{error:#}"))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(Workload::of_file(&name, &requests))
}
