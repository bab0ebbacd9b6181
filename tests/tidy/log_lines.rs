//! A log line that a client or a fault can repeat has a limit: it is written by a `Quota` or an
//! `Outage`. Every other line is listed here, with what bounds it.

use super::{Source, code, sources};

/// Each step of each worker, which an operator asks for by `--log-level debug`, is not counted.
const MACROS: [&str; 3] = ["log!(", "log_warn!(", "log_error!("];

/// A file, how many such lines it has, and what each of them comes from.
const WITHOUT_A_LIMIT: &[(&str, usize, &str)] = &[
    ("src/cli/config.rs", 1, "the start, a reload"),
    ("src/cli/run/kept.rs", 1, "a reload"),
    ("src/cli/run/listen.rs", 1, "the start"),
    ("src/cli/run/settings.rs", 1, "the start"),
    ("src/master/mod.rs", 1, "the start"),
    ("src/master/pool/generations.rs", 1, "a reload"),
    ("src/master/pool/size.rs", 1, "a signal"),
    (
        "src/master/pool/spawn.rs",
        1,
        "a stop, once for each accept queue",
    ),
    ("src/master/state.rs", 6, "an upgrade, a reload, a stop"),
    ("src/master/state/signals.rs", 6, "a signal"),
    ("src/master/upgrade.rs", 6, "an upgrade"),
    ("src/models/event.rs", 1, "the start"),
    ("src/service/manager.rs", 1, "the start"),
    ("src/service/sandbox.rs", 1, "once in a process"),
    (
        "src/service/status_process.rs",
        1,
        "its start, once a second at most",
    ),
    ("src/service/succession.rs", 1, "an upgrade, the end"),
    ("src/sys/log_files.rs", 3, "a signal"),
    ("src/sys/outage.rs", 2, "the limit itself"),
    ("src/sys/signal/queue.rs", 1, "the end"),
    ("src/trace/recorder.rs", 1, "once in a server"),
];

fn count(source: &Source) -> usize {
    let code = code(&source.text);
    let tests = code.find("#[cfg(test)]").unwrap_or(code.len());
    let is_call = |at: usize| !code[..at].ends_with(|it: char| it.is_alphanumeric() || it == '_');
    let calls = MACROS.iter().map(|name| {
        let found = code[..tests].match_indices(name);
        found.filter(|(at, _)| is_call(*at)).count()
    });
    calls.sum()
}

#[test]
fn a_log_line_that_can_be_repeated_has_a_limit() {
    let found: Vec<(String, usize)> = sources("src", "rs")
        .into_iter()
        .filter(|source| source.path != "src/sys/log.rs")
        .map(|source| (count(&source), source.path))
        .filter(|(count, _)| *count > 0)
        .map(|(count, path)| (path, count))
        .collect();
    for (path, count) in &found {
        let listed = WITHOUT_A_LIMIT.iter().find(|(listed, ..)| listed == path);
        let listed = listed.map_or(0, |(_, count, _)| *count);
        assert_eq!(
            *count, listed,
            "{path}: can a client, a worker or a fault repeat the line? Then it needs a Quota or \
             an Outage; otherwise list it with what it comes from"
        );
    }
    for (path, ..) in WITHOUT_A_LIMIT {
        assert!(found.iter().any(|(it, _)| it == path), "{path} has none");
    }
}
