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
use servers::bench::results::{FILE_NAME, Results, SCHEMA};
use servers::bench::summary::summarise;
use servers::bench::sweep::SweepFile;
use servers::bench::unp::Tables;
use servers::bench::workload::Workload;
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

fn assert_fits(table: &str) {
    let widest = table.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{table}");
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
fn every_model_is_measured_under_every_workload() {
    let directory = tempfile::tempdir().unwrap();
    let line = "iterative prefork --blocks 2 --requests 100 --seed 42 --json";
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
        // The reference runs a second time, under another name.
        for name in ["iterative", "prefork", "iterative (again)"] {
            for workload in ["close", "hello"] {
                assert_measured(&printed, block, name, workload);
            }
        }
    }
    let first_attempts = printed.runs.iter().filter(|run| run.attempt == 1);
    assert_eq!(first_attempts.count(), 12);
    let rankings = summarise(&printed).rankings;
    assert_eq!(rankings.len(), 2);
    let mut rows = rankings.iter().flat_map(|ranking| &ranking.rows);
    assert!(rows.all(|row| row.blocks_measured == 2));
    // What follows from the figures is printed and not stored.
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(printed["summary"]["rankings"][1]["rows"].is_array());
    let stored = fs::read_to_string(directory.path().join(FILE_NAME)).unwrap();
    assert!(!stored.contains("\"summary\""));
}

fn assert_measured(results: &Results, block: usize, model: &str, workload: &str) {
    let which = format!("{model}, {workload}, block {block}");
    let run = results
        .runs
        .iter()
        .find(|run| {
            (run.block, run.contender.as_str(), run.workload.as_str()) == (block, model, workload)
        })
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
    let counts = window.request_counts.unwrap_or_else(|| panic!("{which}"));
    assert!(counts.balances(), "{which}: {counts:?}");
    assert!(counts.answered >= window.requests, "{which}: {counts:?}");
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
        "--full",
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
        let counts = window.request_counts.expect(name);
        assert_eq!((counts.by_workers, counts.attempted), (330, 330), "{name}");
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
    assert_fits(&table);
}

/// At its end the warm-up leaves 16 requests behind. A single loop answers one after the other.
/// They fill more than this window, and would let it end without an answer.
#[test]
fn a_window_does_not_begin_with_what_the_warm_up_has_left() {
    let directory = tempfile::tempdir().unwrap();
    let line = "poll --workloads backend --duration 250ms --warm-up 20ms --blocks 1";
    let output = bench(line, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    for run in &results_in(directory.path()).runs {
        let window = run.measurement.as_ref().unwrap();
        assert!(window.requests > 0, "{run:?}");
    }
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
    assert_fits(&table);
    let results = results_in(directory.path());
    let rankings = summarise(&results).rankings;
    assert_eq!(rankings.iter().map(|it| it.rows.len()).sum::<usize>(), 22);
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
    let plan = results_in(directory.path()).plan;
    assert_eq!(plan.workloads[0].path, "/bytes?n=4000");
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
    let swept: SweepFile = serde_json::from_str(&json).unwrap();
    assert!(!swept.interrupted);
    assert_eq!(swept.directories, ["connections-2", "connections-40"]);
    for (connections, own) in [2, 40].into_iter().zip(&swept.directories) {
        let results = results_in(&directory.path().join(own));
        assert_eq!(results.plan.workloads[0].connections, connections);
    }
    let log = text(&output.stderr);
    assert!(
        log.starts_with("connections = 2, 40: 2 servers × 1 block each, about "),
        "{log}"
    );
}

/// With so few requests that there is no warm-up, and a standard error that cannot be written:
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
    assert_measured(&results_in(directory.path()), 1, "iterative", "close");
}

#[test]
fn the_table_is_printed_saved_and_narrow() {
    let directory = tempfile::tempdir().unwrap();
    let line = "threaded fork --blocks 1 --duration 100ms --warm-up 50ms --connections 4";
    let output = bench(line, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));

    let (table, log) = (text(&output.stdout), text(&output.stderr));
    assert!(
        log.starts_with("2 servers + 1 again × 2 workloads × 1 block × 0.1 s, about "),
        "{log}"
    );
    let saved = fs::read_to_string(directory.path().join("table.txt")).unwrap();
    assert!(table.starts_with(&saved), "{table}\nis not\n{saved}");
    for word in [
        "A connection per request (close), 4 clients",
        "Kept connections (hello), 4 clients",
        "threaded",
        "fork",
        "CPU/request",
        "Nothing is claimed",
        "How far to trust this",
    ] {
        assert!(table.contains(word), "'{word}' is missing in\n{table}");
    }
    assert_fits(&saved);
    assert!(
        !(table + &log).contains('\x1b'),
        "escapes where there is no terminal"
    );
    let markdown = fs::read_to_string(directory.path().join("table.md")).unwrap();
    assert!(markdown.contains("| threaded |"), "{markdown}");
    let page = fs::read_to_string(directory.path().join("report.html")).unwrap();
    assert!(
        page.contains(">threaded<") && page.contains("<svg"),
        "{page}"
    );
}

#[test]
fn a_page_and_its_plots_are_made_anew_from_results() {
    let directory = tempfile::tempdir().unwrap();
    let results = directory.path().join(FILE_NAME);
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bench/results.json");
    fs::copy(recorded, &results).unwrap();
    let report = |results: &Path| {
        let plots = directory.path().join("plots");
        let mut command = servers();
        command.args(["bench", "report"]).arg(results);
        command.arg("--svg").arg(plots).output().unwrap()
    };
    let output = report(&results);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = fs::read_to_string(directory.path().join("report.html")).unwrap();
    assert!(page.contains("FAILED: died"), "{page}");
    let plot = fs::read_to_string(directory.path().join("plots/hello-waits.svg")).unwrap();
    assert!(plot.starts_with("<svg xmlns="), "{plot}");
    let output = report(&directory.path().join("missing.json"));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("missing.json"));
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
    assert!(!results.interrupted);
    let (failed, others): (Vec<_>, Vec<_>) = results
        .runs
        .iter()
        .partition(|run| run.contender.starts_with(&broken));
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
    assert_eq!(table.matches("FAILED fork").count(), 2, "{table}");
    assert!(table.contains("did not start"), "{table}");
}

#[test]
fn a_server_that_dies_under_load_is_a_row_that_says_how() {
    let directory = tempfile::tempdir().unwrap();
    let line = "iterative --mode close --blocks 1 --duration 5s --warm-up 10ms";
    let tag = "dies-under-load";
    let mut bench = start(line, directory.path(), tag);
    // Before it says what it will do, it asks once what there is.
    let mut log = BufReader::new(bench.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().starts_with("seed ")));
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
        (3..1500).contains(&results.runs.len()),
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
        let mut words = line.split(['\0', ' ']).skip(1);
        let is_titled = line.starts_with("servers: ");
        is_titled || words.next() == Some("run") && words.all(|word| word != "--check")
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
            "connections, workers, threads, cores can",
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
            "--bind is set by the bench",
        ),
        ("fork\u{a0}'--root", "has no partner"),
        ("fork --sweep connections=20,20", "20 is there twice"),
        ("fork --reference epoll", "none of the contenders (fork)"),
        ("fork --with command\u{a0}{port}", "should be NAME=COMMAND"),
        ("fork --with a=command", "should have {port}"),
        ("fork --workloads helo", "hello"),
        ("fork --until 0", "from 0.1 to 100"),
        ("fork --rates 5,5", "5 is there twice"),
        ("fork --rates fast", "is no rate"),
        ("fork --expect p99<1s", "--rates"),
        ("fork --rates 5 --expect latency<1s", "is no figure"),
        ("fork --workload nosuch.toml", "cannot read nosuch.toml"),
        ("./no/such/servers\u{a0}fork", "No such file"),
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

#[test]
fn a_path_that_is_not_there_is_refused_before_anything_is_measured() {
    let directory = tempfile::tempdir().unwrap();
    let output = bench("prefork --path /nosuch", directory.path());
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(
        complaint.contains("answers /nosuch with status 404"),
        "{complaint}"
    );
    assert!(!directory.path().join(FILE_NAME).exists());
}

#[test]
fn a_window_that_is_too_short_for_an_answer_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let output = bench("epoll --path /sleep?ms=500 -d 20ms", directory.path());
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(
        complaint.contains("is too short for an answer"),
        "{complaint}"
    );
}

#[test]
fn results_are_never_overwritten_silently() {
    let directory = tempfile::tempdir().unwrap();
    let line = "iterative --mode close --blocks 1 -d 30ms --warm-up 0s";
    assert!(bench(line, directory.path()).status.success());
    let first = fs::read(directory.path().join(FILE_NAME)).unwrap();
    let again = bench(line, directory.path());
    assert_eq!(again.status.code(), Some(2), "{}", text(&again.stderr));
    assert!(
        text(&again.stderr).contains("--overwrite"),
        "{}",
        text(&again.stderr)
    );
    assert_eq!(fs::read(directory.path().join(FILE_NAME)).unwrap(), first);
    assert!(
        bench(&format!("{line} --overwrite"), directory.path())
            .status
            .success()
    );
    assert_ne!(fs::read(directory.path().join(FILE_NAME)).unwrap(), first);
}

#[test]
fn benches_of_the_same_second_have_a_directory_each() {
    let directory = tempfile::tempdir().unwrap();
    let line = "bench iterative --mode close --blocks 1 --requests 5";
    let begin = |_| {
        let mut command = servers();
        command.current_dir(directory.path()).args(line.split(' '));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let benches: Vec<Child> = (0..3).map(begin).collect();
    for mut bench in benches {
        assert!(bench.wait().unwrap().success());
    }
    let saved = fs::read_dir(directory.path().join("bench-results")).unwrap();
    assert_eq!(saved.count(), 3);
}

/// `getconf` sees the processors of the machine; a bench is itself kept to some of them.
#[test]
fn all_processors_of_the_machine_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let line = "iterative --mode close --blocks 1 --requests 5";
    assert!(bench(line, directory.path()).status.success());
    let online = Command::new("getconf")
        .arg("_NPROCESSORS_ONLN")
        .output()
        .unwrap();
    let environment = results_in(directory.path()).environment;
    assert_eq!(environment.cpus.to_string(), text(&online.stdout).trim());
    let layout = environment.layout;
    assert!(!layout.server_cpus.is_empty() && !layout.generator_cpus.is_empty());
}

/// The place of the results goes away in the middle of the bench, as a full disk would.
#[test]
fn what_was_measured_is_printed_even_if_it_cannot_be_saved() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("results");
    let line = "threaded --mode close --blocks 500 --duration 30ms --warm-up 0s";
    let mut bench = start(line, &directory, "unsaved");
    let mut log = BufReader::new(bench.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().starts_with("block 1 of 500")));
    fs::remove_dir_all(&directory).unwrap();
    let output = bench.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let table = text(&output.stdout);
    assert!(
        table.contains("threaded") && table.contains("CPU/request"),
        "{table}"
    );
    assert!(!table.contains("Saved in"), "{table}");
    let last = log.map_while(Result::ok).last().unwrap();
    assert!(last.starts_with("servers: cannot write in "), "{last}");
}

/// Two blocks are too few for any claim; eight show that a process per connection costs more.
#[test]
fn the_exit_code_says_how_a_comparison_went() {
    for (blocks, code) in [("2", 4), ("8", 3)] {
        let directory = tempfile::tempdir().unwrap();
        let line =
            format!("fork iterative --reference iterative --mode close --blocks {blocks} -n 100");
        let output = bench(&line, directory.path());
        let (table, log) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{table}\n{log}");
    }
}

#[test]
fn any_command_and_another_build_are_contenders() {
    let directory = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_servers");
    let foreign = format!("mine={binary} run prefork --workers 2 --bind 127.0.0.1:{{port}}");
    let old = format!("old={binary} threaded");
    let line = [
        "epoll", &old, "--with", &foreign, "--mode", "close", "--blocks", "1",
    ];
    let output = compare(&[&line[..], &["-n", "50"]].concat(), directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let results = results_in(directory.path());
    let names = results.plan.contenders.iter().map(|it| it.name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["epoll", "old", "mine"]);
    assert!(results.plan.contenders[1].program.is_some());
    for name in ["epoll", "old", "mine"] {
        let windows = results.windows(name, "close");
        assert_eq!(windows[0].1.requests, 50, "{name}");
    }
    // The whole process tree is accounted for: master and workers.
    let (_, window) = results.windows("mine", "close")[0];
    assert!(window.server.peak_processes > 1, "{window:?}");
}

#[test]
fn a_foreign_server_that_does_not_answer_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let line = [
        "epoll",
        "--with",
        "mine=sh -c 'echo broken >&2; exit 7' {port}",
    ];
    let rest = ["--mode", "close", "--blocks", "1", "-n", "5"];
    let output = compare(&[&line[..], &rest].concat(), directory.path());
    assert_eq!(output.status.code(), Some(1));
    let table = text(&output.stdout).replace("\n  ", " ");
    let story = "FAILED mine, close: did not start: exit code 7, \"broken\"";
    assert!(table.contains(story), "{table}");
}

#[test]
fn blocks_are_added_until_the_interval_is_narrow_or_time_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let line = "iterative poll --mode close -d 30ms --until 100%";
    let output = bench(line, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let blocks = |directory: &Path| {
        let results = results_in(directory);
        results.runs.iter().map(|run| run.block).max().unwrap()
    };
    assert!(blocks(directory.path()) >= 6);
    let directory = tempfile::tempdir().unwrap();
    let line = "iterative poll --mode close -d 30ms --until 0.1% --max-time 10ms";
    assert!(bench(line, directory.path()).status.success());
    assert_eq!(blocks(directory.path()), 6);
}

#[test]
fn a_plan_runs_again_and_results_are_compared_with_a_warning() {
    let [first, second] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let line = "iterative epoll --mode close --blocks 2 -n 50 --seed 9";
    assert!(bench(line, first.path()).status.success());
    let plan = first.path().join("plan.toml").display().to_string();
    let output = compare(&["--plan", &plan], second.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let (old, new) = (results_in(first.path()), results_in(second.path()));
    assert_eq!(old.plan, new.plan);
    let file = |directory: &Path| directory.join(FILE_NAME).display().to_string();
    let (old, new) = (file(first.path()), file(second.path()));
    let compared = servers()
        .args(["bench", "compare", &old, &new])
        .output()
        .unwrap();
    assert!(compared.status.success(), "{}", text(&compared.stderr));
    let table = text(&compared.stdout);
    assert!(
        table.starts_with("These two results are not paired"),
        "{table}"
    );
    assert!(
        table.contains("iterative") && table.contains("epoll"),
        "{table}"
    );
}

#[test]
fn peers_stand_beside_ours_as_far_as_they_are_installed() {
    let directory = tempfile::tempdir().unwrap();
    let line = "prefork --peers --mode close --blocks 1 -n 50";
    let output = bench(line, directory.path());
    let log = text(&output.stderr);
    let results = results_in(directory.path());
    let peers = results.plan.contenders.len() - 1;
    let missing = log
        .lines()
        .filter(|line| line.starts_with("not installed: "));
    assert!(peers + missing.count() >= 7, "{log}");
    for run in &results.runs {
        let window = run.usable().unwrap_or_else(|| panic!("{run:?}"));
        assert_eq!(window.requests, 50, "{run:?}");
    }
}

/// `idle` is measured in blocks here, because its 10,000 clients take their time in a look as well.
#[test]
fn looks_stand_beside_any_choice_of_blocks() {
    let directory = tempfile::tempdir().unwrap();
    let line = "epoll --workloads hello,idle --looks --blocks 1 -d 100ms --warm-up 0s -c 4";
    let output = bench(line, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let plan = results_in(directory.path()).plan;
    let names = |them: &[Workload]| them.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&plan.workloads), ["hello", "idle"]);
    assert_eq!(plan.looks.len() + 2, Workload::all().len());
    assert!(!names(&plan.looks).contains(&"hello".to_owned()));
}

/// Every built-in workload, with the models that serve many clients and one that does not.
#[test]
fn every_workload_can_be_measured() {
    let directory = tempfile::tempdir().unwrap();
    let line = "epoll iterative --workloads all --blocks 1 -d 100ms --warm-up 0s -c 4";
    let output = bench(line, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert_fits(&table);
    assert!(
        table.starts_with("Which model for which situation?"),
        "{table}"
    );
    let results = results_in(directory.path());
    for workload in Workload::all() {
        let (_, window) = results.windows("epoll", &workload.name)[0];
        assert!(window.attempted > 0, "{workload}: {window:?}");
        assert_eq!(window.bystanders.is_some(), workload.bystanders.is_some());
    }
}

/// One client at a time: kept connections beside the first wait, so the lowest rate is already too
/// much, while a process per connection keeps up with it.
#[test]
fn the_same_rates_for_all_show_where_each_leaves() {
    let directory = tempfile::tempdir().unwrap();
    let line = "epoll iterative --rates 40,20 --expect p99<10s --expect errors<50% -d 500ms \
                --warm-up 50ms --blocks 1 --seed 3 --full";
    let output = bench(line, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert_fits(&table);
    assert!(table.contains("at the same rates for all"), "{table}");
    let results = results_in(directory.path());
    assert_eq!(results.plan.rates, [20.0, 40.0]);
    let first_attempts = results.runs.iter().filter(|run| run.attempt == 1);
    assert_eq!(first_attempts.count(), 4);
    for run in &results.runs {
        let window = run.usable().unwrap_or_else(|| panic!("{run:?}"));
        let open = window.open_loop.as_ref().unwrap();
        let planned = if run.workload == "close@20" { 10 } else { 20 };
        assert_eq!(open.planned, planned, "{run:?}");
    }
    let summary = summarise(&results);
    assert!(summary.rankings.is_empty());
    let ladder = &summary.ladders[0];
    assert_eq!(ladder.expect, ["p99<10s", "errors<50%"]);
    for climb in &ladder.climbs {
        assert_eq!(climb.steps.len(), 2, "{climb:?}");
        assert!(climb.steps.iter().all(|it| it.windows == 1), "{climb:?}");
    }
    // The plan of it runs again at the same rates.
    let again = tempfile::tempdir().unwrap();
    let plan = directory.path().join("plan.toml").display().to_string();
    let output = compare(&["--plan", &plan], again.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(results_in(again.path()).plan, results.plan);
}

#[test]
fn rates_are_chosen_by_what_the_contenders_can_do() {
    let directory = tempfile::tempdir().unwrap();
    let line = "epoll --rates auto -d 60ms --warm-up 0s --blocks 1";
    let output = bench(line, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let rates = results_in(directory.path()).plan.rates;
    assert!(rates.len() >= 5 && rates.is_sorted(), "{rates:?}");
    let log = text(&output.stderr);
    assert!(log.contains("rates: "), "{log}");
}

#[test]
fn a_workload_file_of_the_load_generator_is_measured_and_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mix.toml");
    let mix = "[[request]]\npath = '/'\nweight = 3\n[[request]]\nmethod = 'POST'\n\
               path = '/echo'\nbody = 'hello'\n";
    fs::write(&file, mix).unwrap();
    let file = file.display().to_string();
    let out = directory.path().join("results");
    let output = compare(
        &["epoll", "--workload", &file, "--blocks", "1", "-n", "50"],
        &out,
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let results = results_in(&out);
    let workload = &results.plan.workloads[0];
    assert_eq!(
        (workload.name.as_str(), workload.requests.len()),
        ("mix.toml", 2)
    );
    let (_, window) = results.windows("epoll", "mix.toml")[0];
    assert_eq!((window.requests, window.errors.total()), (50, 0));
    // The plan holds the requests themselves, so that it runs again without the file.
    fs::remove_file(&file).unwrap();
    let again = directory.path().join("again");
    let plan = out.join("plan.toml").display().to_string();
    let output = compare(&["--plan", &plan], &again);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(results_in(&again).plan, results.plan);

    fs::write(&file, "[[request]]\npath = '/nosuch'\n").unwrap();
    let output = compare(
        &["epoll", "--workload", &file],
        &directory.path().join("wrong"),
    );
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{complaint}");
    assert!(
        complaint.contains("GET /nosuch of mix.toml with status 404"),
        "{complaint}"
    );
}

#[test]
fn the_server_gets_as_many_processors_as_are_asked_for() {
    let processors = std::thread::available_parallelism().unwrap().get();
    let directory = tempfile::tempdir().unwrap();
    let cores: Vec<String> = [1, processors].iter().map(ToString::to_string).collect();
    let cores = cores[..processors.min(2)].join(",");
    let line = format!("epoll --cores {cores} -d 50ms --warm-up 0s --blocks 1");
    let output = bench(&line, directory.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    for (count, is_shared) in [(1, processors == 1), (processors, true)] {
        let results = results_in(&directory.path().join(format!("cores-{count}")));
        let layout = &results.environment.layout;
        assert_eq!(layout.server_cpus.len(), count, "{layout}");
        assert_eq!(layout.shared, is_shared, "{layout}");
    }
    let table = text(&output.stdout);
    assert_fits(&table);
    assert!(table.contains("shared layout"), "{table}");
    for option in ["--cores", "--sweep"] {
        let value = format!(
            "{}{}",
            if option == "--sweep" { "cores=" } else { "" },
            processors + 1
        );
        let output = compare(&["epoll", option, &value], directory.path());
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{complaint}");
        assert!(complaint.contains("at the most"), "{complaint}");
    }
}

#[test]
fn the_plan_of_contrib_runs() {
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/plan.toml");
    let scratch = tempfile::tempdir().unwrap();
    let short = fs::read_to_string(plan).unwrap();
    let short = short.replace("blocks = 20", "blocks = 1");
    let short = short.replace("window_s = 0.3", "requests = 20");
    let file = scratch.path().join("plan.toml");
    fs::write(&file, short).unwrap();
    let out = scratch.path().join("results");
    let output = compare(&["--plan", &file.display().to_string()], &out);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let plan = results_in(&out).plan;
    assert_eq!(
        (plan.contenders.len(), plan.blocks, plan.requests),
        (3, 1, Some(20))
    );
}

/// A server that forks for each connection, answers only one path well, and knows SIGINT alone: it
/// ends by it.
const FORKING: &str = r#"
import os, signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
while True:
    client, _ = listener.accept()
    child = os.fork()
    if child == 0:
        request = client.recv(4096)
        sum(range(20000))
        status = b"200 OK" if request.startswith(b"GET /health") else b"404 Not Found"
        fields = b"\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        client.sendall(b"HTTP/1.1 " + status + fields)
        os._exit(0)
    client.close()
    os.waitpid(child, 0)
"#;

#[test]
fn a_foreign_server_is_ready_and_stops_in_its_own_way_and_its_children_count() {
    let scratch = tempfile::tempdir().unwrap();
    let script = scratch.path().join("server.py");
    fs::write(&script, FORKING).unwrap();
    let script = script.display();
    let with = format!("mine[ready=/health stop=INT]=python3 {script} {{port}}");
    let line = ["--with", &with, "--mode", "close", "--path", "/health"];
    let rest = ["--blocks", "1", "-n", "40", "-c", "2"];
    let out = scratch.path().join("results");
    let output = compare(&[&line[..], &rest].concat(), &out);
    assert!(
        output.status.success(),
        "{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    let results = results_in(&out);
    let (_, window) = results.windows("mine", "close")[0];
    assert_eq!(
        (window.requests, window.errors.total()),
        (40, 0),
        "{window:?}"
    );
    // The children do the work, and have ended and been reaped by the end of the window.
    let per_request = window.server.cpu_us_per_request.unwrap();
    assert!(per_request > 100.0, "{window:?}");

    for (with, words) in [
        ("mine[ready=/nosuch]=sh -c 'exit 7' {port}", ""),
        ("mine[ready=x]=./a {port}", "write ready=/PATH"),
        ("mine[stop=SIGNOTHING]=./a {port}", "is no signal"),
        ("mine[stop=INT=./a {port}", "a [ without a ]"),
    ] {
        let output = compare(
            &["--with", with, "-n", "5", "--blocks", "1"],
            &scratch.path().join("x"),
        );
        let complaint = text(&output.stderr);
        assert_eq!(
            output.status.code(),
            Some(if words.is_empty() { 1 } else { 2 }),
            "{complaint}"
        );
        assert!(complaint.contains(words), "{complaint}");
    }
}
