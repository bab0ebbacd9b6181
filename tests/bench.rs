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
use servers::bench::sweep::SweepResults;
use servers::bench::unp::Tables;
use servers::models;

/// Generous: a condition that takes longer than this is not going to come true.
const DEADLINE: Duration = Duration::from_secs(30);

fn servers() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_servers"));
    command.stdin(Stdio::null());
    command
}

/// Runs `servers bench` with `line`, split at spaces, and the results in `directory`.
fn bench(line: &str, directory: &Path) -> Output {
    compare(&line.split(' ').collect::<Vec<_>>(), directory)
}

/// Runs `servers bench` with these arguments, of which some may have spaces.
fn compare(arguments: &[&str], directory: &Path) -> Output {
    servers()
        .arg("bench")
        .args(arguments)
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
    let line = "iterative prefork --blocks 2 --requests 500 --seed 42 --json";
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
    let ledger = window.ledger.unwrap_or_else(|| panic!("{which}"));
    assert!(ledger.balances(), "{which}: {ledger:?}");
    assert!(ledger.answered >= window.requests, "{which}: {ledger:?}");
    let workers = window.workers.as_ref().map(|workers| &workers.requests);
    if model == "prefork" {
        assert!(window.server.peak_processes > 1, "{which}");
        assert!(workers.is_some_and(|workers| workers.len() > 1), "{which}");
    }
}

/// Four contenders: a model with options, the same with others, a plain one, and one that has one
/// worker for each connection. The number of requests is exact, so the workers' counts are.
#[test]
fn any_command_line_of_run_is_a_contender() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = [
        "prefork --workers 2",
        "prefork  --workers=3 --accept shared",
        "prefork",
        "threaded",
        "--workers",
        "4",
        "--mode",
        "close",
        "--blocks",
        "1",
        "--requests",
        "300",
    ];
    let output = compare(&arguments, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let results = results_in(directory.path());
    assert_eq!(results.plan.options, ["--workers", "4"]);
    let expected = [
        ("prefork --workers 2", Some(2)),
        ("prefork --workers=3 --accept shared", Some(3)),
        ("prefork", Some(4)),
        ("threaded", None),
    ];
    for (name, workers) in expected {
        let mut runs = results.runs.iter();
        let run = runs.find(|run| run.contender == name).expect(name);
        let window = run.measurement.as_ref().expect(name);
        assert_eq!((window.requests, window.attempted), (300, 300), "{name}");
        let ledger = window.ledger.expect(name);
        assert_eq!((ledger.by_workers, ledger.attempted), (330, 330), "{name}");
        let shared = window.workers.as_ref();
        assert_eq!(shared.map(|it| it.requests.len()), workers, "{name}");
        assert!(
            shared.is_none_or(|it| it.sum() == 300),
            "{name}: {shared:?}"
        );
    }
    let table = text(&output.stdout);
    assert!(
        table.contains("How the workers shared the requests"),
        "{table}"
    );
    assert!(table.contains("Every server with --workers 4."), "{table}");
    assert!(
        table.lines().all(|line| line.chars().count() <= 100),
        "{table}"
    );
}

/// Eleven rows, some with long names: as many as there will be models.
#[test]
fn eleven_contenders_fit() {
    let directory = tempfile::tempdir().unwrap();
    let mut arguments = vec![
        "iterative",
        "fork",
        "prefork",
        "threaded",
        "iterative",
        "fork",
    ];
    arguments.extend([
        "prefork --accept shared --workers 16",
        "prefork --workers 2",
    ]);
    arguments.extend(["threaded --backlog 64", "thread", "prefork --workers 2"]);
    arguments.extend(["--blocks", "1", "-d", "20ms", "--warm-up", "0s"]);
    let output = compare(&arguments, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    let widest = table.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{table}");
    let results = results_in(directory.path());
    assert_eq!(results.summary.len(), 22);
    assert_eq!(results.plan.contenders[10].name, "prefork --workers 2 #2");
}

#[test]
fn stevens_tables_stand_beside_ours() {
    let directory = tempfile::tempdir().unwrap();
    let output = bench("--unp --requests 200 --blocks 1 --json", directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let tables: Tables = serde_json::from_slice(&output.stdout).unwrap();
    let costs = &tables.process_control;
    let numbers: Vec<u8> = costs.iter().map(|row| row.number).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    for row in costs {
        let model = models::find(row.server.split(' ').next().unwrap());
        let strategy = row.server.split(' ').nth(2);
        let has_it = |model: &models::Model| {
            strategy.is_none_or(|name| model.strategies.iter().any(|it| it.name == name))
        };
        assert_eq!(row.cpu_s.is_some(), model.is_some_and(has_it), "{row:?}");
    }
    assert_eq!(costs[0].process_control_s.unwrap().median, 0.0);
    assert_eq!(costs[1].percent_of_fork, Some(100.0));
    assert!(!tables.distribution.is_empty());
    for column in &tables.distribution {
        assert_eq!(column.workers.requests.len(), 15, "{column:?}");
        assert_eq!(column.workers.sum(), 200, "{column:?}");
    }
    let printed = fs::read_to_string(directory.path().join("unp.txt")).unwrap();
    assert!(printed.contains("20.90 s"), "{printed}");
    assert_eq!(results_in(directory.path()).plan.path, "/bytes?n=4000");
}

#[test]
fn a_sweep_shows_each_value_and_how_a_server_broke() {
    let directory = tempfile::tempdir().unwrap();
    let line = "threaded iterative --sweep connections=2,40 --blocks 1 -d 150ms --mode keep-alive";
    let output = bench(line, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    // One client at a time: of forty, most wait for longer than the window.
    assert!(table.contains(" starved"), "{table}");
    let saved = fs::read_to_string(directory.path().join("sweep.txt")).unwrap();
    assert!(table.starts_with(&saved), "{table}\nis not\n{saved}");
    let json = fs::read_to_string(directory.path().join("sweep.json")).unwrap();
    let swept: SweepResults = serde_json::from_str(&json).unwrap();
    assert!(!swept.interrupted);
    for (value, point) in [2, 40].into_iter().zip(&swept.points) {
        assert_eq!((point.value, point.connections), (value, value as usize));
        let own = directory.path().join(format!("connections-{value}"));
        assert_eq!(results_in(&own).summary, point.summary);
    }
    let log = text(&output.stderr);
    assert!(
        log.starts_with("connections = 2, 40: 2 servers × 1 block each, about "),
        "{log}"
    );
    assert!(log.contains("descriptors: 1040 needed, "), "{log}");
}

/// With so few requests that there is no warm-up, and with nobody to tell how far it is:
/// `/dev/full` (full(4)).
#[test]
fn a_bench_needs_neither_a_warm_up_nor_a_standard_error() {
    let directory = tempfile::tempdir().unwrap();
    let line = "bench iterative --mode close --blocks 1 --requests 9 --out";
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
        log.starts_with("2 servers × 2 scenarios × 1 block × 0.1 s, about "),
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
    let broken = format!("fork --root '{missing}'");
    let line = [&broken, "iterative", "--blocks", "1", "--duration", "50ms"];
    let output = compare(&line, directory.path());
    assert_eq!(output.status.code(), Some(1));

    let results = results_in(directory.path());
    assert_eq!((results.runs.len(), results.interrupted), (4, false));
    let (failed, others): (Vec<_>, Vec<_>) =
        results.runs.iter().partition(|run| run.contender == broken);
    // The others go on as if nothing had happened.
    assert!(
        others.iter().all(|run| run.usable().is_some()),
        "{others:?}"
    );
    for run in failed {
        let Some(Failure::DidNotStart { reason }) = &run.failure else {
            panic!("{run:?}")
        };
        assert!(
            reason.starts_with("exit code 1, ") && reason.contains("--root"),
            "{reason}"
        );
    }
    let table = text(&output.stdout);
    assert_eq!(table.matches("FAILED ").count(), 2, "{table}");
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

/// The servers that a bench with this tag has started; `run --check`, with which it looks whether a
/// call is right, is none.
fn servers_tagged(tag: &str) -> Vec<Pid> {
    let variable = format!("{TAG}={tag}");
    let is_server = |line: &str| {
        let mut words = line.split('\0').skip(1);
        words.next() == Some("run") && words.all(|word| word != "--check")
    };
    let is_ours = |process: &Path| {
        let fields = |file| fs::read_to_string(process.join(file)).unwrap_or_default();
        fields("environ").split('\0').any(|field| field == variable)
            && is_server(&fields("cmdline"))
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
        (
            "fork --accept pass",
            "none of these models has --accept pass",
        ),
        (
            "fork --run-arg=--nonsense",
            "cannot compare 'fork': unexpected argument",
        ),
        (
            "fork --sweep colours=2",
            "connections, workers, threads can",
        ),
        ("fork --unp", "cannot be used with"),
        ("fork --requests 5 --duration 5s", "cannot be used with"),
        (
            "prefork\u{a0}--acept\u{a0}x",
            "similar argument exists: '--accept'",
        ),
        ("fork\u{a0}--accept\u{a0}flock", "it can do: shared"),
        (
            "fork\u{a0}--bind\u{a0}127.0.0.1:0",
            "--bind is the bench's affair",
        ),
        ("fork\u{a0}'--root", "has no partner"),
    ] {
        // Where a contender has spaces of its own, they are of another kind here.
        let typed = line.split(' ').map(|word| word.replace('\u{a0}', " "));
        let output = servers().arg("bench").args(typed).output().unwrap();
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
