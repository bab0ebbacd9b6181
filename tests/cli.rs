//! The command line: what it prints, what it refuses, and how it ends.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use std::fs::File;
use std::io::{Read, Seek};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use servers::models;

const SUBCOMMANDS: [&str; 11] = [
    "list",
    "run",
    "load",
    "merge",
    "top",
    "ctl",
    "bench",
    "lab",
    "size",
    "completions",
    "man",
];

fn servers(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_servers"));
    command.args(arguments).stdin(Stdio::null());
    let (mut out, mut err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    command
        .stdout(out.try_clone().unwrap())
        .stderr(err.try_clone().unwrap());
    let mut child = command.env_remove("NO_COLOR").spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        // A call that should be refused and is not would serve for ever.
        if Instant::now() > deadline {
            child.kill().unwrap();
            break child.wait().unwrap();
        }
        thread::sleep(Duration::from_millis(2));
    };
    let read = |file: &mut File| {
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    };
    let (stdout, stderr) = (read(&mut out), read(&mut err));
    Output {
        status,
        stdout,
        stderr,
    }
}

/// Standard output of a call that must succeed and print nothing on standard error.
#[track_caller]
fn prints(arguments: &[&str]) -> String {
    let output = servers(arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a call that must fail with this code and print nothing else.
#[track_caller]
fn fails(code: i32, arguments: &[&str]) -> String {
    let output = servers(arguments);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A failure in one line that holds all of `words`.
#[track_caller]
fn fails_in_one_line(arguments: &[&str], words: &[&str]) {
    let message = fails(1, arguments);
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.starts_with("servers: "), "{message}");
    for word in words {
        assert!(message.contains(word), "no {word:?} in {message}");
    }
}

#[test]
fn list_has_a_row_for_each_model() {
    let table = prints(&["list"]);
    for model in models::ALL {
        let row = table
            .lines()
            .find(|line| line.trim_start().starts_with(model.name));
        assert!(row.is_some(), "{} is missing:\n{table}", model.name);
    }
    assert!(!table.contains('\x1b'), "colours without a terminal");
}

#[test]
fn list_json_is_an_array_of_models() {
    let list: serde_json::Value = serde_json::from_str(&prints(&["list", "--json"])).unwrap();
    let names: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["name"].as_str().unwrap())
        .collect();
    let registry: Vec<&str> = models::ALL.iter().map(|model| model.name).collect();
    assert_eq!(names, registry);
    for field in [
        "summary",
        "accepts",
        "clients_per_worker",
        "in_the_wild",
        "chapter",
    ] {
        assert!(list[0][field].is_string(), "{field}");
    }
    let prefork = models::find("prefork").unwrap();
    let names: Vec<&str> = prefork.strategies.iter().map(|it| it.name).collect();
    let listed = list
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "prefork");
    assert_eq!(listed.unwrap()["strategies"], serde_json::json!(names));
    assert!(prints(&["list", "--long"]).contains("shared, flock"));
    for (model, row) in models::ALL.iter().zip(list.as_array().unwrap()) {
        assert_eq!(row["has_master"], model.has_master());
        assert_eq!(row["has_children"], model.has_children());
        assert_eq!(row["has_thread_pool"], model.has_thread_pool());
        assert_eq!(row["can_size_its_pool"], model.can_size_its_pool());
        assert_eq!(row["workers_last"], model.workers_last());
        assert_eq!(row["holds_all_clients"], model.holds_all_clients);
        assert_eq!(row["limits_connections"], model.limits_connections());
        assert_eq!(row["needs_io_uring"], model.needs_io_uring);
        let triggers: Vec<&str> = model.triggers.iter().map(|it| it.name()).collect();
        assert_eq!(row["triggers"], serde_json::json!(triggers));
    }
}

/// An option that only one strategy has is wrong with every other.
#[test]
fn options_of_a_strategy_need_that_strategy() {
    for (options, needed) in [
        ("--pick first", "--accept pass"),
        ("--accept mutex --pick round-robin", "--accept pass"),
        ("--accept flock --plain-mutex", "--accept mutex"),
    ] {
        let call = format!("run prefork --bind 127.0.0.1:0 {options}");
        let words: Vec<&str> = call.split(' ').collect();
        let message = fails(2, &words);
        assert!(message.contains(needed), "{message}");
    }
}

#[test]
fn every_help_shows_examples() {
    assert!(prints(&["--help"]).contains("Examples:"));
    for subcommand in SUBCOMMANDS {
        let help = prints(&[subcommand, "--help"]);
        let examples = help
            .split_once("Examples:")
            .map_or("", |(_, examples)| examples);
        let call = format!("servers {subcommand}");
        assert!(examples.contains(&call), "{subcommand}:\n{help}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = concat!("servers ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(prints(&["--version"]), version);
}

#[test]
fn no_arguments_show_the_help() {
    assert!(fails(2, &[]).contains("Usage: servers"));
}

#[test]
fn a_misspelt_model_gets_a_suggestion() {
    for (misspelt, right) in [("preforked", "prefork"), ("itterative", "iterative")] {
        let message = fails(2, &["run", misspelt]);
        assert!(message.contains(misspelt), "{message}");
        assert!(message.contains(&format!("'{right}'")), "{message}");
    }
}

#[test]
fn a_misspelt_subcommand_gets_a_suggestion() {
    assert!(fails(2, &["bensh"]).contains("'bench'"));
}

#[test]
fn an_occupied_port_is_told_in_one_line() {
    let occupied = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = occupied.local_addr().unwrap().to_string();
    for model in models::ALL {
        let words = [address.as_str(), "in use", "--bind"];
        fails_in_one_line(&["run", model.name, "--bind", &address], &words);
    }
}

#[test]
fn an_address_of_another_machine_is_told_in_one_line() {
    // TEST-NET-1 (RFC 5737).
    let words = ["192.0.2.1:0", "does not have that address"];
    fails_in_one_line(&["run", "iterative", "--bind", "192.0.2.1:0"], &words);
}

#[test]
fn a_missing_root_is_told_in_one_line() {
    let words = ["--root nowhere/at/all"];
    let line = [
        "run",
        "iterative",
        "--bind",
        "127.0.0.1:0",
        "--root",
        "nowhere/at/all",
    ];
    fails_in_one_line(&line, &words);
}

#[test]
fn a_root_that_is_a_file_is_told_in_one_line() {
    let line = [
        "run",
        "iterative",
        "--bind",
        "127.0.0.1:0",
        "--root",
        "Cargo.toml",
    ];
    fails_in_one_line(&line, &["--root Cargo.toml"]);
}

#[test]
fn bad_values_name_the_option() {
    for (option, value) in [
        ("--bind", "localhost"),
        ("--bind", "127.0.0.1"),
        ("--bind", "127.0.0.1:65536"),
        ("--workers", "0"),
        ("--workers", "many"),
        ("--workers", "65536"),
        ("--max-connections", "0"),
        ("--backlog", "0"),
        ("--graceful-timeout", "10"),
        ("--graceful-timeout", "1d"),
        ("--head-timeout", "s"),
        ("--head-timeout", "-1s"),
        ("--limit-fields", "0"),
        ("--limit-fields", "257"),
        ("--limit-body", "-1"),
        ("--keep-alive-requests", "0"),
        ("--trigger", "often"),
        ("--requeue", "-1"),
    ] {
        let message = fails(2, &["run", "iterative", &format!("{option}={value}")]);
        assert!(message.contains(option), "{option} {value}: {message}");
        assert!(message.contains(value), "{option} {value}: {message}");
    }
    assert!(fails(2, &["run", "iterative", "--wrokers", "3"]).contains("'--workers'"));
    assert!(fails(2, &["run"]).contains("MODEL"));
}

#[test]
fn a_trigger_is_refused_by_models_without_epoll() {
    for model in ["prefork", "poll"] {
        let words = [model, "--trigger", "epoll and event"];
        let message = fails(2, &["run", model, "--trigger", "edge"]);
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
}

#[test]
fn completions_name_every_subcommand() {
    for shell in ["bash", "zsh", "fish"] {
        let script = prints(&["completions", shell]);
        for word in SUBCOMMANDS {
            assert!(script.contains(word), "{shell}: {word}");
        }
        // clap's script for fish does not complete arguments without an option's name.
        let models = models::ALL.iter().map(|model| model.name);
        for name in models.filter(|_| shell != "fish") {
            assert!(script.contains(name), "{shell}: {name}");
        }
    }
    assert!(fails(2, &["completions", "tcsh"]).contains("bash"));
}

#[test]
fn the_man_page_is_roff() {
    let page = prints(&["man"]);
    assert!(page.contains(".TH servers 1"), "{page}");
    for section in [".SH NAME", ".SH SYNOPSIS", ".SH SUBCOMMANDS"] {
        assert!(page.contains(section), "{section}");
    }
    for subcommand in SUBCOMMANDS {
        assert!(page.contains(subcommand), "{subcommand}");
        assert!(
            prints(&["man", subcommand]).contains(".SH OPTIONS"),
            "{subcommand}"
        );
    }
    assert!(fails(2, &["man", "nothing"]).contains("no subcommand 'nothing'"));
}

#[test]
fn a_wrong_call_shows_the_usage_of_its_subcommand() {
    for (line, words) in [
        (&["bench"][..], "Usage: servers bench"),
        (&["load", "nowhere"], "Usage: servers load"),
        (&["man", "nothing"], "Usage: servers man"),
    ] {
        let message = fails(2, line);
        assert!(message.contains(words), "{line:?}: {message}");
    }
}

#[test]
fn bench_wants_a_window_that_lasts() {
    let message = fails(2, &["bench", "iterative", "--duration", "0s"]);
    assert!(message.contains("must be more than 0"), "{message}");
}

#[test]
fn a_queue_without_an_end_cannot_be_checked() {
    for share in ["1", "0", "80", "most"] {
        let option = format!("--utilisation={share}");
        let size = ["size", "low.json", "--rate=1", "--expect=p99<1s", "--check"];
        let message = fails(2, &[&size[..], &[&option]].concat());
        assert!(message.contains("from 0.01 to 0.99"), "{share}: {message}");
    }
}

#[test]
fn a_call_can_be_checked_without_serving() {
    // The port is taken, which --check does not notice.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = prints(&["run", "prefork", "--bind", &address, "--check"]);
    assert_eq!(said, "");
    let message = fails(2, &["run", "iterative", "--accept", "pass", "--check"]);
    assert!(message.contains("it can do: shared"), "{message}");
}

/// Each container of the manifests, and the image by itself: `run` is checked whole, of `load` the
/// options and their values.
#[test]
fn the_containers_call_the_program_rightly() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/kubernetes");
    let text = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let mut calls = Vec::new();
    for name in ["server.yaml", "load.yaml"] {
        let text = text(name);
        let mut lines = text.lines();
        while lines.by_ref().any(|line| line.trim() == "args:") {
            let items = lines
                .clone()
                .map_while(|line| line.trim().strip_prefix("- "));
            calls.push(items.map(str::to_owned).collect::<Vec<_>>());
        }
    }
    let recipe = text("Containerfile");
    let command = recipe.lines().find_map(|line| line.strip_prefix("CMD "));
    calls.push(serde_json::from_str(command.unwrap()).unwrap());
    assert_eq!(calls.len(), 3, "{calls:?}");
    for call in &calls {
        let checked = match call[0].as_str() {
            "run" => "--check",
            "load" => "--help",
            other => panic!("{other} is started in a container"),
        };
        let mut words: Vec<&str> = call.iter().map(String::as_str).collect();
        words.push(checked);
        prints(&words);
        // What is right only because nothing is looked at would hide a mistake.
        words.insert(1, "--no-such-option");
        fails(2, &words);
    }
}

/// A port alone, a name, and every address of this machine: `--check` reads them all.
#[test]
fn an_address_may_be_short_or_a_name() {
    for bind in ["8080", ":8080", "localhost:8080", "[::1]:0"] {
        let said = prints(&["run", "iterative", "--bind", bind, "--check"]);
        assert_eq!(said, "", "{bind}");
    }
    for (bind, words) in [
        ("localhost", "as in 127.0.0.1:8080"),
        ("70000", "as in 127.0.0.1:8080"),
        ("no-such-name.invalid:80", "cannot find the address"),
    ] {
        let message = fails(2, &["run", "iterative", "--bind", bind]);
        assert!(message.contains(words), "{bind}: {message}");
    }
}

#[test]
fn the_list_has_a_line_of_80_columns_for_each_model() {
    let list = prints(&["list"]);
    assert_eq!(list.lines().count(), models::ALL.len(), "{list}");
    for line in list.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn a_call_without_a_model_lists_the_models() {
    let message = fails(2, &["run"]);
    for model in models::ALL {
        let line = format!("  {:<12}{}", model.name, model.summary);
        assert!(message.lines().any(|it| it == line), "{message}");
    }
}

#[test]
fn workers_are_refused_by_a_model_without_a_pool() {
    for model in models::ALL {
        let call = ["run", model.name, "--workers", "3", "--check"];
        if model.has_master() {
            prints(&call);
        } else {
            let message = fails(2, &call);
            assert!(message.contains("--workers has no effect"), "{message}");
        }
    }
}

/// zsh would take an unquoted question mark for a pattern.
#[test]
fn urls_with_a_query_are_quoted_in_help() {
    for subcommand in SUBCOMMANDS {
        let help = prints(&[subcommand, "--help"]);
        let urls = help.split_whitespace().filter(|word| word.contains("://"));
        for url in urls.filter(|url| url.contains('?')) {
            let is_quoted = url.starts_with(['\'', '"']);
            assert!(is_quoted || url.contains('['), "{subcommand}: {url}");
        }
    }
}

/// On another system the build says so in one sentence. Here the program that says it is run alone.
#[test]
fn another_system_gets_one_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("build");
    let compiler = std::env::var("RUSTC").unwrap_or("rustc".to_owned());
    let compiled = Command::new(compiler)
        .args(["--edition=2024", "build.rs", "-o"])
        .arg(&program)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(compiled.unwrap().success());
    for system in ["macos", "windows"] {
        let output = Command::new(&program)
            .env("CARGO_CFG_TARGET_OS", system)
            .current_dir(directory.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let errors = said
            .lines()
            .filter(|line| line.starts_with("cargo::error="));
        let errors: Vec<&str> = errors.collect();
        assert_eq!(errors.len(), 1, "{said}");
        assert!(errors[0].contains("servers needs Linux"), "{said}");
        assert!(
            said.ends_with(&format!("{}\n", errors[0])),
            "nothing else: {said}"
        );
    }
}

/// `/dev/full` stands for a full disk (`full(4)`).
#[test]
fn streams_that_cannot_be_written_do_not_cause_panics() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let code = |arguments: &[&str], stdout: Stdio, stderr: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_servers"));
        let command = command.args(arguments).stdin(Stdio::null());
        command
            .stdout(stdout)
            .stderr(stderr)
            .status()
            .unwrap()
            .code()
    };
    let load = ["load", "http://127.0.0.1:1/"];
    assert_eq!(code(&load, Stdio::null(), full().into()), Some(1));
    assert_eq!(code(&["list"], full().into(), full().into()), Some(1));
    let run = ["run", "iterative", "--bind", "127.0.0.1:0"];
    assert_eq!(code(&run, full().into(), Stdio::null()), Some(1));
}

/// `servers list | head -0`: the reader has gone, which is no failure.
#[test]
fn a_closed_pipe_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_servers"))
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}
