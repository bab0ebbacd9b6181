//! What stands below a row: how it failed, how many clients waited, what disturbed it. Pure.

use super::units::grouped;
use crate::bench::gates::Mark;
use crate::bench::summary::{Row, Struck};

/// What stands below a row: how it failed, how many clients waited, what disturbed its windows.
pub(super) fn notes(row: &Row) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    if let Some(status) = row.lacks {
        notes.push(format!("does not have this path (status {status})"));
    } else if row.blocks_measured == 0 && row.failures.is_empty() {
        notes.push("not reached".to_owned());
    }
    let labels = row.failures.iter().map(|it| match it.blocks {
        1 => it.label.clone(),
        several => format!("{} {several} times", it.label),
    });
    notes.extend(labels.map(|label| format!("FAILED: {label}")));
    if row.starved() > 0.0 {
        let (starved, all) = (grouped(row.starved()), grouped(row.connections as f64));
        notes.push(format!("◀ {starved} of {all} wait"));
    }
    if row.errors > 0 {
        notes.push(format!("{} requests failed", grouped(row.errors as f64)));
    }
    if row.blocks_empty > 0 {
        notes.push(format!("{} empty", windows(row, row.blocks_empty)));
    }
    let marks = row.marks.iter();
    notes.extend(marks.filter_map(|(mark, struck)| disturbance(row, *mark, *struck)));
    notes
}

/// `others 71 % (1 of 9 windows)`: the most that was taken in a window, and in how many.
fn disturbance(row: &Row, mark: Mark, struck: Struck) -> Option<String> {
    let taker = match mark {
        Mark::Steal => "steal",
        Mark::Others => "others",
        Mark::Miscounted => return Some("workers and client count differently".to_owned()),
        Mark::Unreaped => return Some("CPU time of ended children is lost".to_owned()),
        _ => return None,
    };
    let percent = struck.worst * 100.0;
    Some(format!(
        "{taker} {percent:.0} % ({})",
        windows(row, struck.windows)
    ))
}

fn windows(row: &Row, some: usize) -> String {
    match row.blocks_measured {
        1 => "its only window".to_owned(),
        all => format!("{some} of {all} windows"),
    }
}
