//! `servers list`: the models, one row each.

use std::io::IsTerminal;
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table};

use crate::models;

/// List the models, one row each.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  servers list
  servers list --long
  servers list --json | jq -r '.[].name'")]
pub(super) struct Args {
    /// Print a table with all that the registry says of each model
    #[arg(long, conflicts_with = "json")]
    long: bool,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let text = match self {
            Self { json: true, .. } => json()? + "\n",
            Self { long: true, .. } => table() + "\n",
            _ => lines(),
        };
        super::print(text.as_bytes())
    }
}

/// A line for each model.
fn lines() -> String {
    let line = |model: &models::Model| format!("{:<12}{}\n", model.name, model.summary);
    models::ALL.iter().map(line).collect()
}

fn table() -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if !std::io::stdout().is_terminal() {
        table.set_width(100);
    }
    table.set_header([
        "model",
        "structure",
        "who accepts",
        "--accept",
        "clients per worker",
        "in the wild",
    ]);
    for model in models::ALL {
        table.add_row([
            &names(model),
            model.summary,
            model.accepts,
            &strategies(model),
            model.clients_per_worker,
            model.in_the_wild,
        ]);
    }
    table.to_string()
}

fn names(model: &models::Model) -> String {
    match model.aliases {
        [] => model.name.to_owned(),
        aliases => format!("{} ({})", model.name, aliases.join(", ")),
    }
}

/// Between what `--accept` may choose, the default first; nothing where there is no choice.
fn strategies(model: &models::Model) -> String {
    match model.strategies {
        [] | [_] => "–".to_owned(),
        several => several
            .iter()
            .map(|it| it.name)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn json() -> serde_json::Result<String> {
    let rows: Vec<_> = models::ALL
        .iter()
        .map(|model| {
            serde_json::json!({
                "name": model.name,
                "aliases": model.aliases,
                "summary": model.summary,
                "accepts": model.accepts,
                "strategies": model.strategies.iter().map(|it| it.name).collect::<Vec<_>>(),
                "clients_per_worker": model.clients_per_worker,
                "in_the_wild": model.in_the_wild,
                "chapter": model.chapter,
                "has_master": model.has_master(),
                "has_children": model.has_children(),
                "has_thread_pool": model.has_thread_pool(),
                "can_size_its_pool": model.can_size_its_pool(),
                "workers_last": model.workers_last(),
                "holds_all_clients": model.holds_all_clients,
                "limits_connections": model.limits_connections(),
                "triggers": model.triggers.iter().map(|it| it.name()).collect::<Vec<_>>(),
                "needs_io_uring": model.needs_io_uring,
            })
        })
        .collect();
    serde_json::to_string_pretty(&rows)
}
