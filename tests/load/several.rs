//! Several generators that share one schedule, and the sum of their results.

use super::*;

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

/// Long enough for the slowest of several generators to be ready on a busy machine.
const START_AFTER: Duration = Duration::from_secs(3);

/// Variables of launchers, which the machine that runs the tests may have set.
const LAUNCHED: [&str; 8] = [
    "SLURM_PROCID",
    "SLURM_NTASKS",
    "OMPI_COMM_WORLD_RANK",
    "PMI_RANK",
    "PMIX_RANK",
    "JOB_COMPLETION_INDEX",
    "JOB_COMPLETIONS",
    "SERVERS_START_AT",
];

fn rank(server: &Server, index: usize, of: usize, start: &str, more: &[&str]) -> Command {
    let url = server.url();
    let (index, of) = (index.to_string(), of.to_string());
    let given = ["--rank", &index, "--ranks", &of, "--start-at", start];
    let mut command = load(&[&[url.as_str(), "--json"], &given[..], more].concat());
    for name in LAUNCHED {
        command.env_remove(name);
    }
    command
}

/// Seconds since 1970 at which generators that are started now can begin together.
fn soon() -> String {
    let start = SystemTime::now() + START_AFTER;
    let since = start.duration_since(UNIX_EPOCH).unwrap();
    format!("{:.3}", since.as_secs_f64())
}

/// Each rank's output as a file.
fn files(outputs: &[Output], directory: &TempDir) -> Vec<PathBuf> {
    let files = outputs.iter().enumerate().map(|(index, output)| {
        let file = directory.path().join(format!("{index}.json"));
        std::fs::write(&file, &output.stdout).unwrap();
        file
    });
    files.collect()
}

fn merge(files: &[PathBuf], more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_servers"));
    command.arg("merge").args(files).args(more);
    finish(start(command))
}

fn merged(files: &[PathBuf]) -> (Value, Option<i32>) {
    let output = merge(files, &["--json"]);
    (parse(&output), output.status.code())
}

/// What is said of the sum as such. Marks of a crowded machine may stand beside it.
fn remarks(report: &Value) -> Vec<&str> {
    let about_the_sum = [
        "missing-ranks",
        "unusable-result",
        "ended-early",
        "several-urls",
    ];
    let marks = report["marks"].as_array().unwrap().iter();
    let marks = marks.map(|it| it["mark"].as_str().unwrap());
    marks.filter(|mark| about_the_sum.contains(mark)).collect()
}

fn run_ranks(server: &Server, count: usize, more: &[&str]) -> Vec<Output> {
    let start_at = soon();
    let ranks: Vec<Child> = (0..count)
        .map(|index| start(rank(server, index, count, &start_at, more)))
        .collect();
    ranks.into_iter().map(finish).collect()
}

#[test]
fn ranks_together_send_exactly_the_plan_and_their_sum_is_what_the_server_counted() {
    let server = Server::answering(OK);
    let directory = tempfile::tempdir().unwrap();
    let more = [
        "--rate",
        "301",
        "-n",
        "400",
        "-c",
        "4",
        "--arrivals",
        "poisson",
    ];
    let outputs = run_ranks(&server, 3, &more);
    let files = files(&outputs, &directory);
    let (sum, code) = merged(&files);
    assert_eq!(code, Some(0), "{sum:#}");
    assert_eq!(number(&sum["planned"]), 400, "{sum:#}");
    assert_eq!(number(&sum["requests"]), 400, "{sum:#}");
    assert_eq!(server.requests(), 400);
    let generators = sum["generators"].as_array().unwrap();
    let parts: Vec<u64> = generators.iter().map(|it| number(&it["planned"])).collect();
    assert_eq!(parts, [134, 133, 133], "{sum:#}");
    // All connections were open before the first request.
    assert_eq!(number(&sum["connect_us"]["count"]), 0, "{sum:#}");
    assert_eq!(number(&sum["connections_opened"]), 12, "{sum:#}");
    assert_eq!(number(&sum["response_us"]["count"]), 400, "{sum:#}");
}

#[test]
fn a_missing_rank_is_named_and_fails_the_sum() {
    let server = Server::answering(OK);
    let directory = tempfile::tempdir().unwrap();
    let outputs = run_ranks(&server, 2, &["--rate", "100", "-n", "40", "-c", "1"]);
    let files = files(&outputs, &directory);
    let (sum, code) = merged(&files[1..]);
    assert_eq!(
        (code, remarks(&sum)),
        (Some(1), vec!["missing-ranks"]),
        "{sum:#}"
    );
    // A generator that was killed leaves an empty file.
    std::fs::write(&files[0], "").unwrap();
    let (sum, code) = merged(&files);
    let both = ["missing-ranks", "unusable-result"];
    assert_eq!((code, remarks(&sum)), (Some(1), both.to_vec()), "{sum:#}");
    let table = merge(&files, &[]);
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(
        text.contains("no result of rank 0 of 2: 20 requests"),
        "{text}"
    );
    assert!(text.contains("0.json is empty"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn a_rank_that_is_stopped_before_the_start_says_so() {
    let server = Server::answering(OK);
    let directory = tempfile::tempdir().unwrap();
    let later = "+60s";
    let child = start(rank(&server, 0, 2, later, &["--rate", "100", "-d", "1s"]));
    let handler = format!("/proc/{}/status", child.id());
    let deadline = Instant::now() + DEADLINE;
    // Once the signal is blocked, a thread takes it.
    while !blocks_sigterm(Path::new(&handler)) {
        assert!(Instant::now() < deadline, "SIGTERM is never blocked");
        thread::sleep(Duration::from_millis(5));
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    let output = finish(child);
    let report = parse(&output);
    assert_eq!(report["ended"], "interrupted", "{report:#}");
    assert_eq!(number(&report["never_sent"]), 50, "{report:#}");
    let files = files(&[output], &directory);
    let (sum, code) = merged(&files);
    assert_eq!(code, Some(1), "{sum:#}");
    assert!(remarks(&sum).contains(&"ended-early"), "{sum:#}");
}

/// Whether SIGTERM is blocked, and not all signals, as they are for a moment while a process or a
/// thread is created.
fn blocks_sigterm(status: &Path) -> bool {
    let text = std::fs::read_to_string(status).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    let mask = u64::from_str_radix(line.unwrap().trim(), 16).unwrap();
    let has = |signal: Signal| mask & (1 << (signal as u64 - 1)) != 0;
    has(Signal::SIGTERM) && !has(Signal::SIGHUP)
}

#[test]
fn results_of_several_kinds_add_up_to_the_same() {
    let server = Server::answering(OK);
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("1.hlog");
    let start_at = soon();
    let more = ["--rate", "200", "-n", "150", "-c", "3"];
    let log_of = [&more[..], &["--hlog", log.to_str().unwrap()]].concat();
    let ranks = [
        start(rank(&server, 0, 2, &start_at, &more)),
        start(rank(&server, 1, 2, &start_at, &log_of)),
    ];
    let outputs: Vec<Output> = ranks.into_iter().map(finish).collect();
    let mut files = files(&outputs, &directory);
    let (of_objects, _) = merged(&files);
    files[1] = log;
    let (of_both, code) = merged(&files);
    assert_eq!(code, Some(0), "{of_both:#}");
    for field in [
        "requests",
        "response_us",
        "service_us",
        "timer_lag_us",
        "histograms",
    ] {
        assert_eq!(of_objects[field], of_both[field], "{field}");
    }
    // The sum is a result itself, and so is its log.
    let again = directory.path().join("sum.hlog");
    let output = merge(&files, &["--json", "--hlog", again.to_str().unwrap()]);
    assert_eq!(parse(&output)["histograms"], of_both["histograms"]);
    let (same, code) = merged(&[again]);
    assert_eq!(
        (code, &same["histograms"]),
        (Some(0), &of_both["histograms"])
    );
    let page = directory.path().join("sum.html");
    assert!(
        merge(&files, &["--report", page.to_str().unwrap()])
            .status
            .success()
    );
    assert!(
        std::fs::read_to_string(page)
            .unwrap()
            .contains("Generators")
    );
    let csv = merge(&files, &["--csv"]);
    assert!(csv.stdout.starts_with(b"second,"), "{csv:?}");
}

#[test]
fn ranks_that_cannot_be_are_refused_by_name() {
    let anywhere = "http://127.0.0.1:1/";
    let rate = ["--rate", "10"];
    for (arguments, environment, words) in [
        (&["--rank", "0"][..], &[][..], "--ranks"),
        (&["--ranks", "auto"], &[], "no launcher has told"),
        (&["--ranks", "0"], &[], "a number from 1, or auto"),
        (&["--rank", "2", "--ranks", "2"], &[], "no rank 2 of 2"),
        (&["--rank", "0", "--ranks", "200"], &[], "for 200 ranks"),
        (&["--start-at", "soon"], &[], "is no moment"),
        (
            &["--ranks", "auto"],
            &[("SLURM_PROCID", "1")],
            "SLURM_NTASKS is not",
        ),
    ] {
        let mut command = load(&[&[anywhere][..], &rate, arguments].concat());
        for name in LAUNCHED {
            command.env_remove(name);
        }
        command.envs(environment.iter().copied());
        let output = finish(start(command));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(words), "{arguments:?}: {text}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    }
    let closed = load(&[anywhere, "--rank", "0", "--ranks", "2"]);
    let text = finish(start(closed)).stderr;
    assert!(String::from_utf8_lossy(&text).contains("need an open loop"));
}

#[test]
fn a_start_that_is_long_over_is_refused() {
    let server = Server::answering(OK);
    let passed = rank(&server, 0, 1, "2001-01-01T00:00:00Z", &["--rate", "10"]);
    let output = finish(start(passed));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("the schedule is over"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}
