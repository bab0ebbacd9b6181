//! Where the figures come from, as a table.

use crate::bench::results::Results;
use crate::report::html::{Section, Table};
use crate::report::units::grouped;

/// The program, the machine and the plan.
pub(super) fn section(results: &Results) -> Section {
    let here = &results.environment;
    let plan = &results.plan;
    let mut rows = vec![
        ("command", here.command_line.join(" ")),
        (
            "version",
            format!("{} ({} build)", here.version, here.build),
        ),
        ("begun", here.started.clone()),
        ("kernel", here.kernel.clone()),
        ("processor", format!("{} × {}", here.cpus, here.cpu_model)),
        ("architecture", here.architecture.clone()),
        ("division", here.layout.to_string()),
        (
            "memory",
            format!("{} MiB", grouped(here.memory_kib as f64 / 1024.0)),
        ),
        ("stolen time", format!("{:.1} %", here.steal_share * 100.0)),
        ("seed", plan.seed.to_string()),
    ];
    rows.extend(
        here.sysctls
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    );
    rows.extend(plan.contenders.iter().map(|it| {
        let command = match &it.foreign {
            Some(foreign) => foreign.command.join(" "),
            None => format!("servers run {}", it.arguments.join(" ")),
        };
        (it.name.as_str(), command)
    }));
    let rows = rows
        .into_iter()
        .map(|(name, value)| [name.to_owned(), value]);
    Section {
        heading: "Environment".to_owned(),
        table: Some(Table::of_facts(rows)),
        ..Section::default()
    }
}
