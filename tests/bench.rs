//! `servers bench`, from the outside: the real binary, real servers, short windows.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use servers::bench::failure::Failure;
use servers::bench::plan::Scenario;
use servers::bench::results::{FILE_NAME, Results, SCHEMA};

/// Generous: a condition that takes longer than this is not going to come true.
const DEADLINE: Duration = Duration::from_secs(30);

fn servers() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_servers"));
    command.stdin(Stdio::null());
    command
}

/// Runs `servers bench` with `line`, split at spaces, and the results in `directory`.
fn bench(line: &str, directory: &Path) -> Output {
    servers()
        .arg("bench")
        .args(line.split(' '))
        .arg("--out")
        .arg(directory)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn results_in(directory: &Path) -> Results {
    Results::read(&directory.join(FILE_NAME)).unwrap()
}

fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn every_model_is_measured_in_every_scenario() {
    let directory = tempfile::tempdir().unwrap();
    let line = "iterative prefork --blocks 2 --duration 700ms --warm-up 50ms --seed 42 --json";
    let output = bench(line, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));

    let printed: Results = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, results_in(directory.path()));
    assert_eq!(
        (printed.schema, printed.plan.seed, printed.interrupted),
        (SCHEMA, 42, false)
    );
    assert_eq!(printed.environment.command_line[1], "bench");
    for block in [1, 2] {
        for model in ["iterative", "prefork"] {
            for scenario in [Scenario::Close, Scenario::KeepAlive] {
                assert_measured(&printed, block, model, scenario);
            }
        }
    }
    assert_eq!(printed.runs.len(), 8);
    assert_eq!(printed.summary.len(), 4);
    assert!(printed.summary.iter().all(|row| row.blocks_measured == 2));
}

fn assert_measured(results: &Results, block: usize, model: &str, scenario: Scenario) {
    let which = format!("{model}, {scenario}, block {block}");
    let run = results
        .runs
        .iter()
        .find(|run| (run.block, run.contender.as_str(), run.scenario) == (block, model, scenario))
        .unwrap_or_else(|| panic!("no {which}"));
    assert_eq!(run.failure, None, "{which}");
    let window = run
        .measurement
        .as_ref()
        .unwrap_or_else(|| panic!("{which}"));
    assert!(window.requests > 0, "{which}");
    assert_eq!(window.errors.total(), 0, "{which}: {:?}", window.errors);
    let accounted = window.requests + window.in_flight_at_stop;
    assert_eq!(window.attempted, accounted, "{which}");
    let bucketed: u64 = window
        .latency
        .buckets_ns
        .iter()
        .map(|(_, count)| count)
        .sum();
    assert_eq!(bucketed, window.requests, "{which}");
    assert!(
        window.server.cpu_us_per_request.is_some_and(|us| us > 0.0),
        "{which}"
    );
    assert!(
        window.server.lifetime.cpu_s >= window.server.cpu_s * 0.9,
        "{which}"
    );
    assert!(
        window.server.peak_pss_kib > 0 && window.server.peak_threads > 0,
        "{which}"
    );
    if model == "prefork" {
        assert!(window.server.peak_processes > 1, "{which}");
    }
}

/// Without a warm-up, and with nobody to tell how far it is: `/dev/full` (full(4)).
#[test]
fn a_bench_needs_neither_a_warm_up_nor_a_standard_error() {
    let directory = tempfile::tempdir().unwrap();
    let line = "bench iterative --mode close --blocks 1 --duration 100ms --warm-up 0s --out";
    let status = servers()
        .args(line.split(' '))
        .arg(directory.path())
        .stdout(Stdio::null())
        .stderr(fs::File::options().write(true).open("/dev/full").unwrap())
        .status()
        .unwrap();
    assert!(status.success(), "{status}");
    assert_measured(
        &results_in(directory.path()),
        1,
        "iterative",
        Scenario::Close,
    );
}

#[test]
fn the_table_is_printed_saved_and_narrow() {
    let directory = tempfile::tempdir().unwrap();
    let line = "threaded fork --blocks 1 --duration 100ms --warm-up 50ms --connections 4";
    let output = bench(line, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));

    let (table, log) = (text(&output.stdout), text(&output.stderr));
    assert!(
        log.starts_with("2 models × 2 scenarios × 1 block × 0.1 s, about "),
        "{log}"
    );
    let saved = fs::read_to_string(directory.path().join("table.txt")).unwrap();
    assert!(table.starts_with(&saved), "{table}\nis not\n{saved}");
    for word in [
        "A connection per request, 4",
        "Keep-alive, 4",
        "threaded",
        "fork",
        "CPU/req",
    ] {
        assert!(table.contains(word), "'{word}' is missing in\n{table}");
    }
    assert!(
        saved.lines().all(|line| line.chars().count() <= 100),
        "{saved}"
    );
    assert!(
        !(table + &log).contains('\x1b'),
        "escapes where there is no terminal"
    );
    let markdown = fs::read_to_string(directory.path().join("table.md")).unwrap();
    assert!(markdown.contains("| threaded |"), "{markdown}");
}

#[test]
fn a_model_that_cannot_start_is_a_row_that_says_how() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing").display().to_string();
    let line = format!("iterative fork --blocks 1 --duration 50ms --run-arg=--root={missing}");
    let output = bench(&line, directory.path());
    assert_eq!(output.status.code(), Some(1));

    let results = results_in(directory.path());
    assert_eq!((results.runs.len(), results.interrupted), (4, false));
    for run in &results.runs {
        let Some(Failure::DidNotStart { reason }) = &run.failure else {
            panic!("{run:?}")
        };
        assert!(
            reason.starts_with("exit code 1, ") && reason.contains("--root"),
            "{reason}"
        );
    }
    let table = text(&output.stdout);
    assert_eq!(table.matches("FAILED ").count(), 4, "{table}");
    assert!(table.contains("did not start"), "{table}");
}

#[test]
fn a_server_that_dies_under_load_is_a_row_that_says_how() {
    let directory = tempfile::tempdir().unwrap();
    let line = "iterative --mode close --blocks 1 --duration 5s --warm-up 10ms";
    let tag = "dies-under-load";
    let bench = start(line, directory.path(), tag);
    let server = wait_until("a server", || servers_tagged(tag).first().copied());
    kill(server, Signal::SIGKILL).unwrap();
    let output = bench.wait_with_output().unwrap();

    assert_eq!(output.status.code(), Some(1));
    let run = &results_in(directory.path()).runs[0];
    let story = run.failure.as_ref().unwrap().to_string();
    // It may have been killed before it listened; either way its end is told.
    assert!(story.contains("signal 9"), "{story}");
    assert!(
        text(&output.stdout).contains("signal 9"),
        "{}",
        text(&output.stdout)
    );
}

#[test]
fn ctrl_c_keeps_what_was_measured_and_leaves_no_server() {
    let directory = tempfile::tempdir().unwrap();
    let tag = "ctrl-c";
    let line = "threaded prefork --mode close --blocks 500 --duration 50ms --warm-up 10ms";
    let mut bench = start(line, directory.path(), tag);
    let mut log = BufReader::new(bench.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().starts_with("block 1 of 500")));
    kill(Pid::from_raw(bench.id().cast_signed()), Signal::SIGINT).unwrap();
    let output = bench.wait_with_output().unwrap();

    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stdout).contains("INTERRUPTED after "),
        "{}",
        text(&output.stdout)
    );
    let results = results_in(directory.path());
    assert!(results.interrupted);
    assert!(
        (2..1000).contains(&results.runs.len()),
        "{} runs",
        results.runs.len()
    );
    assert!(
        results
            .runs
            .iter()
            .all(|run| run.failure.is_none() && run.measurement.is_some())
    );
    wait_until("no server left", || {
        servers_tagged(tag).is_empty().then_some(())
    });
}

#[test]
fn a_bench_that_is_killed_leaves_no_server() {
    let directory = tempfile::tempdir().unwrap();
    let tag = "killed";
    let line = "prefork --mode keep-alive --blocks 1 --duration 60s";
    let mut bench = start(line, directory.path(), tag);
    wait_until("a server with workers", || {
        (servers_tagged(tag).len() > 1).then_some(())
    });
    bench.kill().unwrap();
    bench.wait().unwrap();
    wait_until("no server left", || {
        servers_tagged(tag).is_empty().then_some(())
    });
}

/// Starts a bench whose servers can be found by their environment.
fn start(line: &str, directory: &Path, tag: &str) -> Child {
    servers()
        .env(TAG, tag)
        .arg("bench")
        .args(line.split(' '))
        .arg("--out")
        .arg(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

const TAG: &str = "SERVERS_TEST_BENCH";

/// The processes of `servers run` that a bench with this tag has started.
fn servers_tagged(tag: &str) -> Vec<Pid> {
    let variable = format!("{TAG}={tag}");
    let is_ours = |process: &Path| {
        let fields = |file| fs::read_to_string(process.join(file)).unwrap_or_default();
        fields("environ").split('\0').any(|field| field == variable)
            && fields("cmdline").split('\0').nth(1) == Some("run")
    };
    let entries = fs::read_dir("/proc").unwrap().map_while(Result::ok);
    entries
        .filter(|entry| is_ours(&entry.path()))
        .filter_map(|entry| Some(Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)))
        .collect()
}

#[test]
fn wrong_calls_say_what_would_be_right() {
    for (line, words) in [
        ("prefrok", "'prefork'"),
        ("--quick", "or say --all"),
        ("fork --all", "cannot be used with"),
        ("fork --path x", "should start with /"),
        ("fork --duration 5", "5s or 5ms"),
        ("fork --blocks 0", "0 is not in 1.."),
        ("fork --mode sometimes", "keep-alive"),
    ] {
        let output = servers()
            .arg("bench")
            .args(line.split(' '))
            .output()
            .unwrap();
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {complaint}");
        assert!(complaint.contains(words), "{line}: {complaint}");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_one_line() {
    let output = servers()
        .args(["bench", "fork", "--out", "/proc/nowhere"])
        .output()
        .unwrap();
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complaint.starts_with("servers: cannot create /proc/nowhere: "),
        "{complaint}"
    );
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
}
