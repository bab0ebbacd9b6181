//! `--log-file` and `--access-log`: what stands in them, and how they are opened anew.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::support::proc::Process;
use crate::support::server::{BINARY, Server, announced};
use crate::support::{DEADLINE, has_master, wait_for, wire};
use crate::{ask, for_every_model, refused};

for_every_model! {
    every_request_has_one_whole_line,
    no_request_can_forge_a_line,
    files_are_opened_anew_in_all_processes,
    a_file_that_cannot_be_opened_anew_leaves_the_old_one,
    a_reader_that_has_stopped_holds_up_no_answer,
}

/// A directory with names for both files, and the options for them.
struct Logs {
    directory: tempfile::TempDir,
}

impl Logs {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn options(&self) -> [String; 2] {
        ["log", "access"].map(|name| {
            let option = if name == "log" {
                "log-file"
            } else {
                "access-log"
            };
            format!("--{option}={}", self.path(name).display())
        })
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn start(&self, model: &str, options: &[&str]) -> Server {
        let own = self.options();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        Server::start(model, &[&own[..], options].concat())
    }
}

/// The parts of a line in the combined format: address, request, status, bytes, Referer,
/// User-agent.
#[track_caller]
fn parts(line: &str) -> [&str; 6] {
    let (before, rest) = line.split_once("] ").expect("a date");
    let (address, date) = before.split_once(" - - [").expect("two dashes");
    assert_eq!(date.len(), "28/Nov/2026:17:10:43 +0000".len(), "{line}");
    assert!(date.ends_with(" +0000") && &date[2..3] == "/", "{line}");
    // Inside the quotation a quote has a backslash before it.
    let quoted: Vec<&str> = rest.split(" \"").collect();
    let [first, referer, agent] = quoted[..] else {
        panic!("three quotations: {line}");
    };
    let (request, numbers) = first.rsplit_once("\" ").expect("a quotation");
    let (status, bytes) = numbers.split_once(' ').expect("two numbers");
    [
        address,
        request.strip_prefix('"').expect("a quotation"),
        status,
        bytes,
        referer.strip_suffix('"').expect("a quotation"),
        agent.strip_suffix('"').expect("a quotation"),
    ]
}

/// Eight clients at a time, some of which keep their connections, send requests that differ.
fn every_request_has_one_whole_line(model: &str) {
    const CLIENTS: usize = 8;
    const REQUESTS: usize = 40;
    let logs = Logs::new();
    let server = logs.start(model, &["--workers", "8"]);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let server = &server;
            scope.spawn(move || {
                let mut kept: Option<TcpStream> = None;
                for request in 0..REQUESTS {
                    let connection = kept.take().unwrap_or_else(|| server.connect());
                    let path = format!("/?{client}-{request}");
                    if request % 4 == 3 || client % 2 == 0 {
                        wire::get_and_close(&connection, &path);
                    } else {
                        wire::get(&connection, &path);
                    }
                    let answer = wire::read_answer(&connection);
                    assert_eq!(answer.status(), 200);
                    kept = answer.field("Connection").is_none().then_some(connection);
                }
            });
        }
    });
    // A line is written before its answer is sent.
    let text = logs.text("access");
    assert!(text.ends_with('\n'), "{text}");
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines() {
        let [address, request, status, bytes, referer, agent] = parts(line);
        assert_eq!(
            (address, status, bytes),
            ("127.0.0.1", "200", "14"),
            "{line}"
        );
        assert_eq!((referer, agent), ("-", "-"), "{line}");
        *counts.entry(request.to_owned()).or_default() += 1;
    }
    for client in 0..CLIENTS {
        for request in 0..REQUESTS {
            let line = format!("GET /?{client}-{request} HTTP/1.1");
            assert_eq!(counts.remove(&line), Some(1), "{line}");
        }
    }
    assert!(counts.is_empty(), "{counts:?}");
}

fn no_request_can_forge_a_line(model: &str) {
    let logs = Logs::new();
    let server = logs.start(model, &[]);
    let forged = "\" 200 1 \"-\" \"-\"\\n10.0.0.1 - - [x] \"GET /forged HTTP/1.1";
    let long = "x".repeat(5000);
    let requests: [(Vec<u8>, u16); 6] = [
        (
            format!("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: {forged}\r\nReferer: \\\"\r\n\r\n")
                .into_bytes(),
            200,
        ),
        (
            b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: a\tb\xff\xc3\xa4\r\n\r\n".to_vec(),
            200,
        ),
        (
            b"GET /\x01\x1b[2J\" HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
            400,
        ),
        (b"\x16\x03\x01 not http\r\n\r\n".to_vec(), 400),
        (
            format!("GET /?{long} HTTP/1.1\r\nHost: a\r\nUser-Agent: {long}\r\n\r\n").into_bytes(),
            200,
        ),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n".to_vec(),
            413,
        ),
    ];
    for (request, status) in &requests {
        let client = server.connect();
        wire::send(&client, request);
        assert_eq!(wire::read_answer(&client).status(), *status);
    }
    wait_for("a line for each", || {
        logs.text("access").lines().count() == requests.len()
    });
    let bytes = fs::read(logs.path("access")).unwrap();
    let is_plain = |byte: &u8| matches!(byte, b'\n' | b' '..=b'~');
    assert!(bytes.iter().all(is_plain));
    let text = logs.text("access");
    let lines: Vec<&str> = text.lines().collect();
    for (line, (_, status)) in lines.iter().zip(&requests) {
        assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
        assert!(line.contains(&format!("\" {status} ")), "{line}");
        assert!(line.len() < 4096, "{}", line.len());
    }
    let escaped = forged.replace('\\', "\\\\").replace('"', "\\\"");
    assert!(
        lines[0].ends_with(&format!("\"\\\\\\\"\" \"{escaped}\"")),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].ends_with("\"a\\tb\\xff\\xc3\\xa4\""),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].contains("\"GET /\\x01\\x1b[2J\\\" HTTP/1.1\""),
        "{}",
        lines[2]
    );
    assert!(
        lines[3].contains("\"\\x16\\x03\\x01 not http\""),
        "{}",
        lines[3]
    );
    assert!(lines[4].contains("xxx...\" 200 "), "{}", lines[4]);
    assert!(
        lines[5].contains("\"POST / HTTP/1.1\" 413 "),
        "{}",
        lines[5]
    );
}

/// logrotate(8) without copytruncate. As root, the workers could open neither file themselves.
fn files_are_opened_anew_in_all_processes(model: &str) {
    let logs = Logs::new();
    let mut options = vec!["--workers", "3", "--slow-ms", "1"];
    if geteuid().is_root() && has_master(model) {
        options.extend(["--user", "nobody", "--sandbox"]);
    }
    let server = logs.start(model, &options);
    for round in 0..3 {
        for _ in 0..5 {
            assert_eq!(ask(&server, "/sleep?ms=3").status(), 200);
        }
        for name in ["log", "access"] {
            let old = logs.path(&format!("{name}.{round}"));
            fs::rename(logs.path(name), old).unwrap();
        }
        server.signal(Signal::SIGUSR1);
        wait_for("the new log", || logs.text("log").contains("opened anew"));
        let old = logs.text(&format!("access.{round}"));
        assert_eq!(old.lines().count(), 5 + usize::from(round > 0), "{old}");
        // Processes that have nothing to write do not keep the old files.
        wait_for("no process has an old file", || {
            let tree = server.tree();
            let held: Vec<String> = tree.iter().flat_map(Process::descriptors).collect();
            let is_old = |it: &String| it.contains("/log.") || it.contains("/access.");
            !held.iter().any(is_old)
        });
        assert_eq!(ask(&server, "/sleep?ms=3").status(), 200);
        assert_eq!(logs.text(&format!("access.{round}")), old);
        wait_for("the new access log", || {
            logs.text("access").lines().count() == 1
        });
        wait_for("a line of a worker", || {
            logs.text("log").contains(" slow: ")
        });
    }
    assert_eq!(
        server.said(),
        "",
        "with a file nothing goes to standard error"
    );
}

fn a_file_that_cannot_be_opened_anew_leaves_the_old_one(model: &str) {
    let logs = Logs::new();
    let server = logs.start(model, &["--workers", "2"]);
    ask(&server, "/");
    fs::rename(logs.path("access"), logs.path("access.1")).unwrap();
    fs::create_dir(logs.path("access")).unwrap();
    server.signal(Signal::SIGUSR1);
    wait_for("it says so", || {
        logs.text("log").contains("cannot be opened") || logs.text("log").contains("cannot open")
    });
    assert!(
        logs.text("log").contains("stays in use"),
        "{}",
        logs.text("log")
    );
    ask(&server, "/");
    wait_for("the old file goes on", || {
        logs.text("access.1").lines().count() == 2
    });
}

/// Standard output is a pipe that is full. Lines are lost, and the log counts them.
fn a_reader_that_has_stopped_holds_up_no_answer(model: &str) {
    let mut child = Command::new(BINARY)
        .args(["run"])
        .args(model.split(' '))
        .args(["--bind", "127.0.0.1:0", "--access-log", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    output.read_line(&mut first).unwrap();
    let address = announced(&first).unwrap();
    // A pipe takes 64 KiB.
    for _ in 0..400 {
        let client = TcpStream::connect_timeout(&address, DEADLINE).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        let long = "x".repeat(400);
        wire::get_and_close(&client, &format!("/?{long}"));
        assert_eq!(wire::read_answer(&client).status(), 200);
    }
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let (mut lines, mut said) = (String::new(), String::new());
    output.read_to_string(&mut lines).unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    child.wait().unwrap();
    assert!(
        (100..400).contains(&lines.lines().count()),
        "{}",
        lines.lines().count()
    );
    assert!(
        lines
            .lines()
            .all(|line| line.ends_with("\" 200 14 \"-\" \"-\"")),
        "{lines}"
    );
    assert!(said.contains("lines of the access log are lost"), "{said}");
}

#[test]
fn a_file_that_cannot_be_opened_ends_the_start() {
    for option in ["--log-file", "--access-log"] {
        let said = refused(1, &["run", "epoll", option, "/proc/no-such-file"]);
        assert!(
            said.contains(&format!("cannot open {option} /proc/")),
            "{said}"
        );
    }
    for option in ["--access-log-format=common", "--access-log-forwarded"] {
        let said = refused(2, &["run", "epoll", option]);
        assert!(said.contains("needs --access-log FILE"), "{said}");
    }
}

/// A mistake in a configuration file is shown with its place.
#[test]
fn the_files_may_be_named_in_the_configuration() {
    let logs = Logs::new();
    let config = logs.path("servers.toml");
    let text = format!(
        "access-log = \"{}\"\nlog-file = \"/proc/none\"\n",
        logs.path("a").display()
    );
    fs::write(&config, text).unwrap();
    let name = config.to_str().unwrap();
    let said = refused(1, &["run", "epoll", "--config", name]);
    assert!(
        said.contains("servers.toml:2: log-file: cannot open"),
        "{said}"
    );
    let level = "log-level = \"error\"\naccess-log-format = \"common\"\n";
    let text = format!("access-log = \"{}\"\n{level}", logs.path("a").display());
    fs::write(&config, text).unwrap();
    let server = Server::start("epoll", &["--config", name]);
    ask(&server, "/");
    assert!(
        logs.text("a").ends_with("\" 200 14\n"),
        "{}",
        logs.text("a")
    );
}

#[test]
fn formats_and_forwarded_addresses() {
    let logs = Logs::new();
    let send = |server: &Server, fields: &str| {
        let client = server.connect();
        let request = format!("HEAD /bytes?n=7 HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        wire::send(&client, request.as_bytes());
        wait_for("an answer", || {
            wire::find(&read_some(&client), b"200 OK").is_some()
        });
    };
    let fields = "X-Forwarded-For: 6.6.6.6\r\nx-forwarded-for: 1.1.1.1, 2001:db8::7\r\n\
        Referer: http://a/\r\nUser-Agent: b\r\n";
    for (options, begin, end) in [
        (
            &["--access-log-format=common"][..],
            "127.0.0.1 - - [",
            "\" 200 -",
        ),
        (&[], "127.0.0.1 - - [", "\" 200 - \"http://a/\" \"b\""),
        (
            &["--access-log-forwarded"],
            "2001:db8::7 - - [",
            "\" 200 - \"http://a/\" \"b\"",
        ),
    ] {
        let server = logs.start("prefork", options);
        send(&server, fields);
        let text = logs.text("access");
        let line = text.lines().last().unwrap();
        assert!(line.starts_with(begin) && line.ends_with(end), "{line}");
    }
    let server = logs.start(
        "epoll",
        &["--access-log-forwarded", "--access-log-format=timed"],
    );
    send(&server, "X-Forwarded-For: unknown\r\n");
    ask(&server, "/sleep?ms=20");
    let text = logs.text("access");
    let lines: Vec<&str> = text.lines().rev().collect();
    assert!(
        lines[1].starts_with("127.0.0.1 - - ["),
        "no address: {}",
        lines[1]
    );
    let (_, us) = lines[0].rsplit_once(' ').unwrap();
    assert!(us.parse::<u64>().unwrap() >= 20_000, "{}", lines[0]);
}

fn read_some(mut client: &TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    let count = client.read(&mut bytes).unwrap();
    bytes.truncate(count);
    bytes
}

/// Each line of the file has its time and level. A reload puts another level into force.
#[test]
fn the_level_says_which_lines_there_are() {
    let logs = Logs::new();
    let config = logs.path("servers.toml");
    fs::write(&config, "log-level = \"debug\"\n").unwrap();
    let option = format!("--config={}", config.display());
    let server = logs.start("prefork", &["--workers", "2", &option]);
    let text = || logs.text("log");
    wait_for("both workers", || text().matches(" serves\n").count() == 2);
    for line in text().lines() {
        assert_eq!(&line[10..11], "T", "{line}");
        assert_eq!(
            &line[23..],
            &format!("Z debug servers[{}]{}", server.pid(), {
                line.split_once(']').unwrap().1
            })
        );
    }
    fs::write(&config, "log-level = \"error\"\n").unwrap();
    server.signal(Signal::SIGHUP);
    wait_for("the reload begins", || text().contains("SIGHUP has come"));
    wait_for("two new workers", || server.children().len() == 2);
    let before = text().lines().count();
    server.signal(Signal::SIGTTIN);
    wait_for("a third worker", || server.children().len() == 3);
    assert_eq!(text().lines().count(), before, "{}", text());
    fs::write(&config, "log-level = 1\n").unwrap();
    server.signal(Signal::SIGHUP);
    wait_for("an error", || text().contains("Z error "));
}

/// A successor opens the files by their names, and the last words of a server stand in its log,
/// too.
#[test]
fn a_log_file_has_what_standard_error_would_have() {
    let logs = Logs::new();
    let mut server = logs.start("prefork", &["--workers", "1", "--max-wait", "600s"]);
    fs::rename(logs.path("log"), logs.path("log.1")).unwrap();
    let client = server.connect();
    wire::get(&client, "/sleep?ms=600000");
    server.wait_until_read(&client);
    server.signal(Signal::SIGTERM);
    wait_for("the stop begins", || {
        fs::read_to_string(format!("/proc/{}/cmdline", server.pid()))
            .is_ok_and(|it| it.contains("(stopping)"))
    });
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait().code(), Some(1));
    let text = logs.text("log.1");
    assert!(text.contains(" error servers["), "{text}");
    assert!(text.contains("stopped by force: a second signal"), "{text}");
    assert!(
        server.said().contains("stopped by force"),
        "{}",
        server.said()
    );
    assert!(!Path::new(&logs.path("log")).exists());
}
