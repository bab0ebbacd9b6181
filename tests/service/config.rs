//! `--config FILE`: the same options, from a file.

use std::fs;
use std::path::PathBuf;

use nix::sys::stat::Mode;
use nix::unistd::{User, geteuid, mkfifo};
use tempfile::TempDir;

use crate::support::server::Server;
use crate::support::wait_for;
use crate::{ask, refused};

/// A file with this text, and the option that names it.
struct Config {
    _directory: TempDir,
    path: PathBuf,
    option: String,
}

impl Config {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("servers.toml");
        fs::write(&path, text).unwrap();
        let option = format!("--config={}", path.display());
        Self {
            _directory: directory,
            path,
            option,
        }
    }
}

#[test]
fn the_settings_of_the_file_are_in_force() {
    let config = Config::new("model = \"prefork\"\nkeep-alive-requests = 1\nworkers = 3\n");
    let server = Server::start(&config.option, &[]);
    assert_eq!(ask(&server, "/").field("Connection"), Some("close"));
    wait_for("three workers", || server.children().len() == 3);
}

#[test]
fn the_command_line_wins() {
    let config = Config::new("model = \"prefork\"\nkeep-alive-requests = 1\nworkers = 3\n");
    let options = [config.option.as_str(), "--keep-alive-requests=2"];
    let server = Server::start("iterative", &options);
    assert_eq!(ask(&server, "/").field("Connection"), None);
    assert_eq!(server.children().len(), 0);
}

/// An option that may be given several times takes an array, and the command line all the same
/// replaces it as a whole.
#[test]
fn an_array_stands_for_an_option_given_several_times() {
    let config = Config::new("bind = [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n");
    let said = refused(2, &["run", "epoll", &config.option]);
    assert!(
        said.contains(":1: bind: --bind has one address twice"),
        "{said}"
    );
    let server = Server::start("epoll", &[&config.option]);
    assert_eq!(ask(&server, "/").status(), 200);
    let config = Config::new("bind = []\nroot = [\"/\"]\n");
    let said = refused(2, &["run", "epoll", &config.option]);
    assert!(said.contains(":1: bind: should have a value"), "{said}");
    assert!(
        said.contains(":2: root: should be a single value"),
        "{said}"
    );
}

#[test]
fn an_error_names_the_line_and_the_key() {
    for (text, line, words) in [
        ("workers = 0", 1, &["workers", "'0'"][..]),
        ("\n# many\nworkers = \"many\"", 3, &["workers", "many"]),
        ("wrokers = 3", 1, &["wrokers", "'workers'"]),
        ("max_connections = 3", 1, &["'max-connections'"]),
        ("workers = 3\nworkers = 4", 2, &["duplicate", "workers"]),
        ("workers = 3\nthreads", 2, &["threads"]),
        ("workers = [3]", 1, &["workers", "array"]),
        ("[workers]\nn = 3", 1, &["workers", "table"]),
        ("accept = \"shred\"", 1, &["accept", "shared"]),
        ("head-timeout = 10", 1, &["head-timeout", "10s"]),
        ("model = \"prefrok\"", 1, &["model", "prefork"]),
        ("sandbox = \"no\"", 1, &["sandbox", "true or false"]),
        ("config = \"other\"", 1, &["config", "command line"]),
        ("help = true", 1, &["help", "command line"]),
        ("version = true", 1, &["version", "command line"]),
        // Each of these values is right by itself, and they contradict each other or the model.
        ("\nmin-spare = 3", 2, &["min-spare", "--pool dynamic"]),
        (
            "pool = \"dynamic\"\nmax-spare = 2\nmin-spare = 3",
            2,
            &["max-spare", "less than --min-spare 3"],
        ),
        (
            "accept = \"reuseport\"\npool = \"dynamic\"",
            2,
            &["pool", "--accept reuseport"],
        ),
        ("\ntrigger = \"edge\"", 2, &["trigger", "prefork"]),
        ("\n\npick = \"first\"", 3, &["pick", "--accept pass"]),
        ("accept = \"main\"", 1, &["accept", "prefork"]),
    ] {
        let config = Config::new(text);
        let said = refused(2, &["run", "prefork", &config.option]);
        let place = format!("{}:{line}: ", config.path.display());
        for word in words.iter().chain([&place.as_str()]) {
            assert!(said.contains(word), "{text:?}: no {word:?} in {said}");
        }
    }
}

#[test]
fn all_errors_are_told_at_once_in_their_order() {
    let config = Config::new("workers = 0\nbacklog = 5\naccept = 3\n");
    let said = refused(2, &["run", "prefork", &config.option]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains(":1: workers: ") && lines[1].contains(":3: accept: "));
}

/// The values are well formed, but the machine has no such file, user or address.
#[test]
fn a_missing_resource_is_told_with_its_line_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for (text, line, key) in [
        ("\nroot = \"nowhere/at/all\"", 2, "root"),
        (&format!("root = {file:?}"), 1, "root"),
        ("user = \"no-such-user\"", 1, "user"),
        ("\ngroup = \"no-such-group\"", 2, "group"),
        ("pidfile = \"nowhere/at/all\"", 1, "pidfile"),
        ("\n\nbind = \"192.0.2.1:80\"", 3, "bind"),
    ] {
        let config = Config::new(text);
        let said = refused(1, &["run", "prefork", &config.option]);
        let place = format!("{}:{line}: {key}: ", config.path.display());
        assert!(said.contains(&place), "{text:?}: no {place:?} in {said}");
    }
    // An error on the command line does not name the file.
    let config = Config::new("root = \"nowhere/at/all\"");
    let options = ["run", "prefork", &config.option, "--root=nowhere/else"];
    let said = refused(1, &options);
    assert!(!said.contains("servers.toml"), "{said}");
}

/// A setting of the file that contradicts the command line is left out, and a warning says so.
#[test]
fn the_command_line_wins_over_a_setting_that_contradicts_it() {
    for (text, options, left_out) in [
        (
            "pool = \"dynamic\"\nmin-spare = 2\nmax-spare = 3",
            &["--pool=static"][..],
            &[":2: min-spare: ", ":3: max-spare: "][..],
        ),
        (
            "pool = \"dynamic\"\nmin-spare = 2",
            &["--accept=reuseport"],
            &[":1: pool: ", ":2: min-spare: "],
        ),
        (
            "pool = \"dynamic\"\nmax-spare = 2",
            &["--min-spare=4"],
            &[":2: max-spare: "],
        ),
        (
            "accept = \"pass\"\npick = \"first\"",
            &["--accept=shared"],
            &[":2: pick: "],
        ),
    ] {
        let config = Config::new(text);
        let call = ["run", "prefork", &config.option, "--check"];
        let said = refused(0, &[&call, options].concat());
        assert_eq!(said.lines().count(), left_out.len(), "{said}");
        for (line, place) in said.lines().zip(left_out) {
            let is_told = line.contains(place) && line.contains("left out");
            assert!(is_told, "no {place:?} in {line}");
        }
    }
    // The command line has to be consistent by itself.
    let config = Config::new("pool = \"static\"\n");
    let said = refused(2, &["run", "prefork", &config.option, "--min-spare=2"]);
    assert!(said.contains("--pool dynamic"), "{said}");
}

#[test]
fn a_config_that_is_no_regular_file_is_refused() {
    let config = Config::new("");
    fs::remove_file(&config.path).unwrap();
    mkfifo(&config.path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let said = refused(2, &["run", "prefork", &config.option]);
    assert!(said.contains("no regular file"), "{said}");
}

#[test]
fn a_missing_file_and_a_missing_model_are_told() {
    assert!(refused(2, &["run", "--config", "nowhere.toml"]).contains("nowhere.toml: no such"));
    let config = Config::new("workers = 3\n");
    assert!(refused(2, &["run", &config.option]).contains("MODEL"));
}

#[test]
fn a_contradiction_with_the_model_is_refused_from_a_file_as_well() {
    let config = Config::new("accept = \"flock\"\n");
    assert!(refused(2, &["run", "threaded", &config.option]).contains("no --accept flock"));
    let config = Config::new("preload = 1\npreload-when = \"after\"\n");
    assert!(refused(2, &["run", "threaded", &config.option]).contains("preload"));
}

#[test]
fn a_check_opens_no_port() {
    let config = Config::new("model = \"prefork\"\nbind = \"192.0.2.1:80\"\n");
    assert_eq!(refused(0, &["run", &config.option, "--check"]), "");
    let config = Config::new("model = \"prefork\"\nroot = \"nowhere/at/all\"\n");
    assert!(refused(1, &["run", &config.option, "--check"]).contains("nowhere/at/all"));
}

/// The example configuration and the commands of the example unit are valid with today's options.
#[test]
fn the_examples_are_right() {
    let root = tempfile::tempdir().unwrap();
    let me = User::from_uid(geteuid()).unwrap().unwrap().name;
    let text = include_str!("../../contrib/servers.toml")
        .replace("\"/srv/www\"", &format!("{:?}", root.path()))
        .replace("\"nobody\"", &format!("{me:?}"));
    let config = Config::new(&text);
    assert!(text.contains(&me) && !text.contains("/srv"), "{text}");
    let unit = include_str!("../../contrib/servers.service");
    let calls = unit.lines().filter(|line| line.starts_with("Exec"));
    let mut count = 0;
    for call in calls {
        let (_, options) = call.split_once("/usr/local/bin/servers ").unwrap();
        let options = options.replace("/etc/servers.toml", config.path.to_str().unwrap());
        let mut options: Vec<&str> = options.split(' ').collect();
        if !options.contains(&"--check") {
            options.push("--check");
        }
        assert_eq!(refused(0, &options), "", "{call}");
        count += 1;
    }
    assert_eq!(count, 2, "{unit}");
}
