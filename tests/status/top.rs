//! `servers top`, as text and in a terminal.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::proc;
use crate::support::server::{BINARY, Server};
use crate::support::{first_word, wait_for};
use crate::{for_every_model, get, hold, report};

for_every_model! {
    a_frame_shows_each_worker,
    a_frame_by_url_is_the_same,
}

fn top(arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.arg("top").args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

/// The text of a frame after a single report.
#[track_caller]
pub(crate) fn once(server: &Server, options: &[&str]) -> String {
    let pid = server.pid().to_string();
    let output = top(&[&[&pid, "--once", "--time", "0s"], options].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn a_frame_shows_each_worker(model: &str) {
    let server = Server::start(model, &["--workers", "2", "--max-wait", "1000s"]);
    let held = hold(&server);
    wait_for("it is at work", || report(&server).busy == 1);
    let text = once(&server, &["--width", "140"]);
    let address = server.address;
    assert!(
        text.starts_with(&format!(" {} at {address} (accept: ", first_word(model))),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 140),
        "{text}"
    );
    let row = text.lines().find(|line| line.contains(" W ")).unwrap();
    let client = held.local_addr().unwrap();
    assert!(
        row.contains(&format!("GET /sleep?ms=1000000 from {client}")),
        "{row}"
    );
    assert!(row.contains('█'), "{row}");
    assert!(!text.contains('\x1b'), "no escapes in a text");
}

fn a_frame_by_url_is_the_same(model: &str) {
    let server = Server::start(model, &["--workers", "2"]);
    get(&server, "/");
    let url = format!("http://{}", server.address);
    let output = top(&[&url, "--once", "--time", "0s"]);
    assert!(output.status.success(), "{output:?}");
    let by_url = String::from_utf8(output.stdout).unwrap();
    let by_pid = once(&server, &[]);
    let title = |text: &str| text.split(", up ").next().unwrap().to_owned();
    assert_eq!(title(&by_url), title(&by_pid));
    assert!(
        by_url.contains("/status?json") || by_url.contains(" W "),
        "{by_url}"
    );
}

/// A status page would need a free worker. Reading the memory does not.
#[test]
fn a_server_without_a_free_worker_can_be_watched() {
    let options = ["--workers", "2", "--max-wait", "1000s"];
    let server = Server::start("prefork", &options);
    let held = [hold(&server), hold(&server)];
    wait_for("both are held", || report(&server).busy == 2);
    let text = once(&server, &[]);
    assert!(text.contains("2/2 busy"), "{text}");
    drop(held);
}

#[test]
fn wrong_calls_and_absent_servers_have_their_own_errors() {
    let server = Server::start("prefork", &["--status", "off"]);
    let url = format!("http://{}", server.address);
    let own = std::process::id().to_string();
    let cases: [(&[&str], i32, &str); 9] = [
        (&[], 2, "--once prints a frame as text"),
        (
            &["nonsense", "--once"],
            2,
            "neither a process ID nor http://HOST:PORT",
        ),
        (&["ftp://a/", "--once"], 2, "unknown scheme 'ftp'"),
        (&["1", "--time", "3s"], 2, "--once"),
        (&["--once", "--sort", "name"], 2, "invalid value 'name'"),
        (&[&own, "--once"], 1, "has no scoreboard"),
        (&["999999999", "--once"], 1, "there is no process 999999999"),
        (&["http://127.0.0.1:1/", "--once"], 1, "connection refused"),
        (&[&url, "--once"], 1, "answers 404 Not Found"),
    ];
    for (arguments, code, words) in cases {
        let output = top(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

/// Other tests may run servers too; these two make sure that there are several.
#[test]
fn without_an_argument_the_servers_are_listed() {
    let servers = [
        Server::start("prefork", &[]),
        Server::start("threaded", &[]),
    ];
    let output = top(&["--once", "--time", "0s"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("several servers are running; say which:"),
        "{said}"
    );
    for (server, model) in servers.iter().zip(["prefork", "threaded"]) {
        let (pid, address) = (server.pid(), server.address);
        let line = format!("  servers top {pid:<10} {model} at {address}");
        assert!(said.lines().any(|it| it == line), "{said}");
    }
}

/// Given the process ID of a worker, `top` shows the worker's server.
#[test]
fn a_worker_stands_for_its_server() {
    let server = Server::start("prefork", &["--workers", "2"]);
    wait_for("two workers", || report(&server).idle == 2);
    let worker = server.children()[0].pid.to_string();
    let output = top(&[&worker, "--once", "--time", "0s"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains(&format!("process {}, up", server.pid())),
        "{text}"
    );
    assert!(text.contains("0/2 busy"), "{text}");
}

fn urls(servers: &[&Server]) -> Vec<String> {
    let urls = servers.iter().map(|it| format!("http://{}", it.address));
    urls.collect()
}

/// The text of a frame of several servers, each asked once.
#[track_caller]
fn hosts_once(urls: &[String], options: &[&str]) -> String {
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let output = top(&[&urls[..], &["--once", "--time", "0s"], options].concat());
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let is_narrow = |line: &str| line.chars().count() <= 80;
    assert!(
        text.lines().all(is_narrow) && !text.contains('\x1b'),
        "{text}"
    );
    text
}

/// The row of a server among several.
#[track_caller]
fn row<'t>(text: &'t str, server: &Server) -> &'t str {
    let name = format!(" {} ", server.address);
    let row = text.lines().find(|line| line.starts_with(&name));
    row.unwrap_or_else(|| panic!("no {name}in {text}"))
}

#[test]
fn several_servers_have_a_row_each_and_their_workers_below() {
    let options = ["--workers", "2", "--max-wait", "1000s"];
    let first = Server::start("prefork", &options);
    let second = Server::start("worker", &[&options[..], &["--threads", "3"]].concat());
    let held = hold(&first);
    wait_for("it is held", || {
        report(&second).idle == 6 && report(&first).busy == 1
    });
    let text = hosts_once(&urls(&[&first, &second]), &[]);
    assert!(text.starts_with(" 2 hosts: 2 ready\n"), "{text}");
    // One worker of each answers the question for the status.
    assert!(row(&text, &first).contains("  ready "), "{text}");
    assert!(row(&text, &first).contains("  2/2 "), "{text}");
    assert!(row(&text, &second).contains("  1/6 "), "{text}");
    let all = text.lines().find(|line| line.starts_with(" all ")).unwrap();
    assert!(all.contains("  3/8 "), "{text}");
    let workers = text
        .lines()
        .filter(|line| line.starts_with("     "))
        .count();
    assert_eq!(workers, 2 + 6, "{text}");
    drop(held);
}

/// The others are shown all the same.
#[test]
fn a_server_that_does_not_answer_has_a_row_that_says_why() {
    let server = Server::start("epoll", &[]);
    let hidden = Server::start("epoll", &["--status", "off"]);
    let gone = "http://127.0.0.1:1".to_owned();
    let mut all = urls(&[&server, &hidden]);
    all.push(gone.clone());
    let text = hosts_once(&all, &[]);
    let title = " 3 hosts: 1 ready, 1 no status, 1 unreachable\n";
    assert!(text.starts_with(title), "{text}");
    assert!(
        row(&text, &hidden).contains(": it answers 404 Not Found"),
        "{text}"
    );
    let refused = text
        .lines()
        .find(|it| it.starts_with(" 127.0.0.1:1 "))
        .unwrap();
    assert!(refused.contains("unreachable for "), "{text}");
    assert!(refused.ends_with(": connection refused"), "{text}");
    let output = top(&[&gone, "http://127.0.0.1:2", "--once", "--time", "0s"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let words = "127.0.0.1:1 unreachable: connection refused; 127.0.0.1:2 unreachable";
    assert!(said.contains(words), "{said}");
    let output = top(&["4242", &gone, "--once"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("several servers are watched by URL"),
        "{said}"
    );
}

#[test]
fn a_server_that_is_about_to_stop_is_shown_as_draining() {
    let servers = ["prefork", "epoll"].map(|it| Server::start(it, &["--drain-delay", "1000s"]));
    let urls = urls(&[&servers[0], &servers[1]]);
    for (server, title) in servers.iter().zip(["1 ready, 1 draining", "2 draining"]) {
        server.signal(Signal::SIGTERM);
        wait_for("it says so", || {
            let text = hosts_once(&urls, &[]);
            text.starts_with(&format!(" 2 hosts: {title}\n"))
        });
        // A single one is shown on, too.
        let url = format!("http://{}", server.address);
        assert!(top(&[&url, "--once", "--time", "0s"]).status.success());
    }
}

/// `servers top` in a terminal of 80 by 24, which `script(1)` makes.
struct Terminal {
    script: Child,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    fn start(server: &Server) -> Self {
        Self::start_after("true", server)
    }

    /// Runs a shell command before `servers top`.
    fn start_after(preparation: &str, server: &Server) -> Self {
        Self::start_for(preparation, &server.pid().to_string())
    }

    /// The same with what stands for the server on the command line.
    fn start_for(preparation: &str, servers: &str) -> Self {
        let command = format!("{preparation}; stty rows 24 cols 80; exec {BINARY} top {servers}");
        let mut script = Command::new("script")
            .args(["-qefc", &command, "/dev/null"])
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = script.stdout.take().unwrap();
        let shown = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&shown);
        thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut part) {
                sink.lock().unwrap().extend_from_slice(&part[..count]);
            }
        });
        Self { script, shown }
    }

    fn shows(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).contains(text)
    }

    /// Whether the screen has shown all texts, one after the other.
    fn shows_in_turn(&self, texts: &[&str]) -> bool {
        let shown = String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned();
        let mut rest = shown.as_str();
        texts.iter().all(|text| match rest.split_once(text) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    }

    /// Forgets what the screen has shown so far.
    fn forget(&self) {
        self.shown.lock().unwrap().clear();
    }

    fn press(&mut self, keys: &[u8]) {
        self.script.stdin.as_mut().unwrap().write_all(keys).unwrap();
    }

    /// The process ID of `servers top` itself.
    fn pid(&self) -> Pid {
        let tree = proc::tree(self.script.id().cast_signed());
        Pid::from_raw(tree.last().unwrap().pid)
    }

    /// Waits for `servers top` to end with code 0 and to restore the terminal.
    fn assert_ends(mut self) {
        wait_for("it ends", || self.script.try_wait().unwrap().is_some());
        assert_eq!(self.script.wait().unwrap().code(), Some(0));
        wait_for("the usual screen is back", || self.shows("\x1b[?1049l"));
        assert!(self.shows("\x1b[?25h"), "the cursor is back");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

#[test]
fn a_terminal_is_given_back_in_every_way_to_end() {
    let server = Server::start("prefork", &["--workers", "2"]);
    for end in ["q", "\x1b", "\x03"] {
        let mut terminal = Terminal::start(&server);
        wait_for("a frame", || terminal.shows("q quit"));
        terminal.press(end.as_bytes());
        terminal.assert_ends();
    }
    for signal in [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ] {
        let terminal = Terminal::start(&server);
        wait_for("a frame", || terminal.shows("q quit"));
        kill(terminal.pid(), signal).unwrap();
        terminal.assert_ends();
    }
}

/// The first bytes of an arrow key, as a slow or broken connection delivers them, hold nothing up.
#[test]
fn half_a_key_stops_neither_the_view_nor_its_end() {
    let server = Server::start("prefork", &["--workers", "2"]);
    for half in ["\x1b[", "\x1bO", "\x1b[1;"] {
        let mut terminal = Terminal::start(&server);
        wait_for("a frame", || terminal.shows("q quit"));
        terminal.press(half.as_bytes());
        terminal.forget();
        // A letter that comes at once would complete the sequence.
        wait_for("the view obeys keys", || {
            terminal.press(b"p");
            terminal.shows("go on (paused)")
        });
        terminal.press(half.as_bytes());
        kill(terminal.pid(), Signal::SIGTERM).unwrap();
        terminal.assert_ends();
    }
}

/// At Ctrl-Z, the shell gets its terminal back as it was, and `fg` continues the view.
#[test]
fn a_terminal_is_given_back_for_the_time_of_a_stop() {
    let server = Server::start("prefork", &["--workers", "2"]);
    let mut terminal = Terminal::start(&server);
    wait_for("a frame", || terminal.shows("q quit"));
    let top = terminal.pid();
    kill(top, Signal::SIGTSTP).unwrap();
    wait_for("it is stopped", || {
        proc::Process::find(top.as_raw()).is_some_and(|it| it.state == 'T')
    });
    // script(1) stops itself when its child stops, now or a little later, so continue both.
    let script = Pid::from_raw(terminal.script.id().cast_signed());
    let back_and_forth = ["\x1b[?1049l", "\x1b[?1049h", "q quit"];
    wait_for("the usual screen is back, and then all of its own", || {
        for stopped in [script, top] {
            kill(stopped, Signal::SIGCONT).unwrap();
        }
        terminal.shows_in_turn(&back_and_forth)
    });
    terminal.forget();
    terminal.press(b"q");
    terminal.assert_ends();
}

/// The parent has not waited for the server yet, so the server is a zombie.
#[test]
fn the_end_of_a_server_is_shown_even_if_it_is_a_zombie() {
    let server = Server::start("prefork", &["--workers", "2"]);
    let mut terminal = Terminal::start(&server);
    wait_for("a frame", || terminal.shows("q quit"));
    server.signal(Signal::SIGKILL);
    wait_for("the end", || terminal.shows("the server has ended"));
    assert_eq!(proc::Process::find(server.pid()).unwrap().state, 'Z');
    terminal.press(b"q");
    terminal.assert_ends();
}

#[test]
fn the_end_of_a_server_is_shown() {
    let server = Server::start("prefork", &["--workers", "2"]);
    let mut terminal = Terminal::start(&server);
    wait_for("a frame", || terminal.shows("q quit"));
    drop(server);
    wait_for("the end", || terminal.shows("the server has ended"));
    terminal.press(b"q");
    terminal.assert_ends();
}

/// One of two servers is killed, and started again at its address.
#[test]
fn a_server_among_several_goes_and_comes_back() {
    let first = Server::start("prefork", &["--workers", "2"]);
    // An address at which no other test takes the port meanwhile.
    let free = TcpListener::bind("127.0.0.77:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    drop(free);
    let second = Server::start("epoll", &["--bind", &address]);
    let urls = format!("{} http://{address}", urls(&[&first])[0]);
    let mut terminal = Terminal::start_for("true", &urls);
    wait_for("both answer", || terminal.shows("2 hosts\x1b[0m: 2 ready"));
    second.signal(Signal::SIGKILL);
    drop(second);
    wait_for("it is gone", || terminal.shows(": connection refused"));
    assert!(terminal.shows(": 1 ready, 1 unreachable"));
    terminal.forget();
    let again = Server::start("epoll", &["--bind", &address]);
    wait_for("it is back", || terminal.shows(": 2 ready"));
    terminal.press(b"w");
    wait_for("a key works", || terminal.shows("w workers"));
    terminal.press(b"?");
    wait_for("there is help", || terminal.shows("share is the part"));
    terminal.press(b"q");
    terminal.assert_ends();
    drop((first, again));
}

/// SIGHUP is ignored, as under `nohup(1)`, so only the terminal itself shows that it was closed. It
/// may be closed in the middle of a key.
#[test]
fn top_ends_when_its_terminal_has_been_closed() {
    let server = Server::start("prefork", &["--workers", "2"]);
    for half in ["", "\x1b[", "\x1bO"] {
        let mut terminal = Terminal::start_after("trap '' HUP", &server);
        wait_for("it draws", || terminal.shows("q quit"));
        let top = proc::Process::find(terminal.pid().as_raw()).unwrap();
        terminal.press(half.as_bytes());
        terminal.script.kill().unwrap();
        wait_for("it has ended", || !top.is_alive());
    }
}
