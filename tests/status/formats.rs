//! Each format follows its rules.

use std::collections::{BTreeMap, BTreeSet};

use servers::status::{Report, Worker};

use crate::support::server::Server;
use crate::support::{first_word, wire};
use crate::{for_every_model, get};

for_every_model! {
    the_page_is_well_formed_whatever_clients_request,
    auto_has_a_key_on_each_line,
    json_reads_back_as_a_report,
    metrics_are_in_the_format_of_prometheus,
    a_reader_of_the_status_holds_no_worker,
}

fn the_page_is_well_formed_whatever_clients_request(model: &str) {
    let server = Server::start(model, &["--workers", "3"]);
    for target in ["/", "/?a=1&b='2'&<", "/nowhere?&amp;&lt;'", "/bytes?n=1"] {
        get(&server, target);
    }
    let answer = get(&server, "/status");
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.field("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(answer.field("Cache-Control"), Some("no-store"));
    let page = answer.text();
    assert_well_formed(&page);
    assert!(
        page.contains(&format!("<h1>{} <small>", first_word(model))),
        "{page}"
    );
    assert!(page.contains("<th class=\"text\">client</th>"), "{page}");
    // On a phone the workers must not lie behind a page of figures.
    let (first, workers) = page.split_once("<p class=\"board\">").unwrap();
    let (_, folded) = workers.split_once("<details>").unwrap();
    assert!(first.matches("<dt>").count() <= 6, "{page}");
    assert!(first.contains("<dt>requests/s</dt>"), "{page}");
    assert!(folded.contains("<dt>memory</dt>"), "{page}");
    for elsewhere in ["http://", "https://", "src=", "@import"] {
        assert!(!page.contains(elsewhere), "the page needs {elsewhere}");
    }
}

/// An answer without a page, such as a 503, must not stop the updates. `.ci/clients` tests this in
/// a browser; here the script is only checked for the parts that it needs.
#[test]
fn the_page_copes_with_failed_updates() {
    let server = Server::start("prefork", &[]);
    let page = get(&server, "/status").text();
    let script = page.split("<script>").nth(1).unwrap();
    for needed in ["answer.ok", "!main", "AbortSignal.timeout(", "'gone'"] {
        assert!(script.contains(needed), "{script}");
    }
}

/// Tags close in the order in which they open, and `&` only begins a character reference.
#[track_caller]
fn assert_well_formed(page: &str) {
    let page = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
    let (before, rest) = page.split_once("<script>").unwrap();
    let (script, after) = rest.split_once("</script>").unwrap();
    assert!(!script.contains('<'));
    let page = format!("{before}{after}");
    let mut open = Vec::new();
    for part in page.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "a lone > in {text:?}");
        for reference in text.split('&').skip(1).chain(tag.split('&').skip(1)) {
            let name = reference.split(';').next().unwrap();
            assert!(
                ["amp", "lt", "gt", "quot", "#39"].contains(&name),
                "{reference:?}"
            );
        }
        assert_eq!(
            tag.matches('"').count() % 2,
            0,
            "an open quotation in {tag:?}"
        );
        let name = tag.split_whitespace().next().unwrap();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "</{name}> closes something else");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} stay open");
}

fn auto_has_a_key_on_each_line(model: &str) {
    let server = Server::start(model, &["--workers", "3"]);
    get(&server, "/");
    let answer = get(&server, "/status?auto");
    assert_eq!(
        answer.field("Content-Type"),
        Some("text/plain; charset=utf-8")
    );
    let text = answer.text();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(server.address.to_string().as_str()));
    let pairs: BTreeMap<&str, &str> = lines.map(|line| line.split_once(": ").unwrap()).collect();
    // Keys that programs which read Apache's status look for.
    for key in [
        "Total Accesses",
        "Total kBytes",
        "Uptime",
        "ReqPerSec",
        "BytesPerSec",
        "BytesPerReq",
        "BusyWorkers",
        "IdleWorkers",
        "CPULoad",
    ] {
        let number = pairs[key].parse::<f64>();
        assert!(
            number.is_ok_and(|it| it.is_finite() && it >= 0.0),
            "{key}: {}",
            pairs[key]
        );
    }
    assert_eq!(pairs["ServerMPM"], first_word(model));
    // With a listener for each worker, the limits of their queues add up.
    let limit: u64 = pairs["AcceptQueueLimit"].parse().unwrap();
    assert!(limit >= 511 && limit.is_multiple_of(511), "{limit}");
    let board = pairs["Scoreboard"];
    assert!(
        board.chars().all(|letter| ".S_RWKCLGI".contains(letter)),
        "{board}"
    );
    let busy = board
        .chars()
        .filter(|letter| "RWKCLG".contains(*letter))
        .count();
    assert_eq!(pairs["BusyWorkers"], busy.to_string());
}

fn json_reads_back_as_a_report(model: &str) {
    let server = Server::start(model, &["--workers", "3"]);
    get(&server, "/nowhere?x=%22");
    let answer = get(&server, "/status?json");
    assert_eq!(answer.field("Content-Type"), Some("application/json"));
    let report: Report = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(report.model, first_word(model));
    assert_eq!(report.address, server.address.to_string());
    assert_eq!(report.pid, server.pid().cast_unsigned());
    assert!(report.requests >= 1);
    // The worker that answers this request reports itself as busy with it, and names the client.
    // The worker of the request before may not be idle again yet.
    let line = "GET /status?json HTTP/1.1";
    let asks = |it: &&Worker| it.request.as_deref() == Some(line);
    let own = report.workers.iter().find(asks).unwrap();
    assert_eq!(own.state, 'W');
    assert!(
        own.client
            .as_deref()
            .is_some_and(|it| it.starts_with("127.0.0.1:")),
        "{own:?}"
    );
    assert!(!own.torn);
}

fn metrics_are_in_the_format_of_prometheus(model: &str) {
    let server = Server::start(model, &["--workers", "3"]);
    get(&server, "/");
    let answer = get(&server, "/metrics");
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    assert_eq!(answer.field("Content-Type"), Some(kind));
    let text = answer.text();
    assert!(text.ends_with('\n'));
    let (mut types, mut series) = (BTreeMap::new(), BTreeSet::new());
    let mut last_help = "";
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(help.ends_with('.'), "{line}");
            last_help = name;
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(name, last_help, "HELP comes right before TYPE");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(
                types.insert(name, kind).is_none(),
                "{name} is declared twice"
            );
        } else {
            let (labelled, value) = line.rsplit_once(' ').unwrap();
            let name = labelled.split('{').next().unwrap();
            assert!(types.contains_key(name), "{name} is not declared");
            let is_name = |it: char| it.is_ascii_lowercase() || it == '_';
            assert!(
                name.starts_with("servers_") && name.chars().all(is_name),
                "{name}"
            );
            assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
            assert!(series.insert(labelled), "{labelled} is there twice");
        }
    }
    assert!(types.len() >= 12, "{text}");
    assert!(
        series.contains("servers_workers{state=\"waiting\"}"),
        "{text}"
    );
    assert!(text.contains(&format!("model=\"{}\"", first_word(model))));
}

/// The page updates itself every two seconds. Its connection must not hold the only worker of an
/// iterative server from one update to the next.
fn a_reader_of_the_status_holds_no_worker(model: &str) {
    let server = Server::start(model, &["--workers", "1"]);
    for path in ["/status", "/status?auto", "/status?json", "/metrics"] {
        let client = server.connect();
        wire::get(&client, path);
        let (bytes, was_reset) = wire::read_to_end(&client);
        assert!(
            bytes.starts_with(b"HTTP/1.1 200 OK\r\n") && !was_reset,
            "{path}"
        );
    }
}

/// The tables in the book list exactly the fields and metrics that exist.
#[test]
fn the_book_lists_every_field_and_every_metric() {
    // A server with a master has everything.
    let server = Server::start("prefork", &["--workers", "2"]);
    get(&server, "/");
    let answer = get(&server, "/status?json");
    let report: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(listed("/status?json"), fields(&report, ""));
    let metrics = get(&server, "/metrics").text();
    let declared = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let declared = declared.map(|line| line.split(' ').next().unwrap().to_owned());
    assert_eq!(listed("/metrics"), declared.collect());
}

/// The names of all values, each with the names of the objects around it.
fn fields(value: &serde_json::Value, name: &str) -> BTreeSet<String> {
    let within = |inner: &str| match name {
        "" => inner.to_owned(),
        _ => format!("{name}.{inner}"),
    };
    match value {
        serde_json::Value::Object(object) => object
            .iter()
            .flat_map(|(inner, value)| fields(value, &within(inner)))
            .collect(),
        serde_json::Value::Array(items) => {
            items.iter().flat_map(|item| fields(item, name)).collect()
        }
        _ => BTreeSet::from([name.to_owned()]),
    }
}

/// The names in backticks in the first column of a table in the book.
fn listed(table: &str) -> BTreeSet<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/chapters/20-watching.md");
    let chapter = std::fs::read_to_string(path).unwrap();
    let head = format!("| `{table}` | what |\n| --- | --- |\n");
    let (_, rows) = chapter.split_once(&head).expect("the table");
    let rows = rows.lines().take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}
