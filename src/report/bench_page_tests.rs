use super::*;

use std::fs;
use std::path::{Path, PathBuf};

use crate::bench::contender::Contender;
use crate::bench::failure::Failure;
use crate::bench::sweep::{FILE_NAME as SWEEP, Sweep, SweepResults};
use crate::report::bench_table::tests::costing;
use crate::report::plot::{Drawing, Theme};
use crate::report::rows::shown;

/// Two models and a server that dies, recorded.
fn recorded() -> Results {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bench/results.json");
    Results::read(&file).unwrap()
}

/// With enough blocks for claims, and with workers.
fn claiming() -> Results {
    let mut results = costing(&["iterative", "prefork", "fork"], &[10.0, 15.0, 140.0], 12);
    for run in &mut results.runs {
        let window = run.measurement.as_mut().unwrap();
        window.workers = (run.contender == "prefork").then(|| crate::bench::workers::Workers {
            requests: vec![10, 700, 290],
        });
    }
    results
}

/// A sweep of that, in which `fork` leaves clients waiting at the second value.
fn swept() -> SweepResults {
    let sweep: Sweep = "connections=20,200".parse().unwrap();
    let mut swept = SweepResults::new(sweep, Vec::new());
    swept.add(20, claiming());
    let mut starving = claiming();
    for run in starving
        .runs
        .iter_mut()
        .filter(|run| run.contender == "fork")
    {
        run.measurement.as_mut().unwrap().never_answered = 7;
    }
    swept.add(200, starving);
    swept
}

/// Panics unless tags are closed in order, attributes are quoted and every `&` begins an entity.
fn assert_well_formed(svg: &str) {
    let mut open = Vec::new();
    let mut rest = svg;
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(!text.contains('>'), "a stray > in {text:?} of\n{svg}");
        let end = rest.find('>').expect("a tag that does not end");
        let tag = &rest[at + 1..end];
        assert!(!tag.contains('<'), "a tag within the tag {tag:?} of\n{svg}");
        let name = tag.split([' ', '/']).next().unwrap();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "in\n{svg}");
        } else {
            let attributes = tag[name.len()..].trim_end_matches('/');
            assert_eq!(attributes.matches('"').count() % 2, 0, "{tag}");
            assert_eq!(
                attributes.matches("=\"").count() * 2,
                attributes.matches('"').count(),
                "an attribute without quotes: {tag}"
            );
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        rest = &rest[end + 1..];
    }
    assert!(
        open.is_empty() && rest.trim().is_empty(),
        "{open:?} is open in\n{svg}"
    );
    for (at, _) in svg.match_indices('&') {
        let entities = ["&amp;", "&lt;", "&gt;", "&quot;"];
        assert!(
            entities.iter().any(|it| svg[at..].starts_with(it)),
            "{}",
            &svg[at..]
        );
    }
}

/// Panics if a browser would fetch anything for it.
fn assert_self_contained(html: &str) {
    let html = html.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for wrong in [
        "http:", "https:", " src=", "href=", "url(", "@import", "<script", "<link",
    ] {
        assert!(!html.contains(wrong), "{wrong} in the page");
    }
}

fn drawn(results: &Results, name: &str) -> Drawing {
    let plot = plots(results).into_iter().find(|it| it.name == name);
    plot.unwrap_or_else(|| panic!("no plot {name}")).drawing
}

#[test]
fn every_plot_is_well_formed_and_says_what_it_shows() {
    let mut all = plots(&recorded());
    all.extend(plots(&claiming()));
    all.extend(sweep_plots(&swept()));
    assert!(all.len() > 10, "{}", all.len());
    for plot in all {
        assert!(!plot.drawing.alt().is_empty() && !plot.caption.is_empty());
        for theme in [Theme::Preferred, Theme::Light, Theme::Dark] {
            let svg = plot.drawing.svg(theme);
            assert_well_formed(&svg);
            assert!(svg.contains("role=\"img\" aria-label=\""), "{svg}");
            assert!(
                !svg.contains("NaN") && !svg.contains("inf"),
                "{}: {svg}",
                plot.name
            );
        }
    }
}

#[test]
fn names_that_mean_something_to_html_are_escaped() {
    let mut results = claiming();
    for name in ["a<b>&\"c\"", "a<script>b"] {
        results.plan.contenders.push(Contender::new(&[name]));
    }
    for plot in plots(&results) {
        assert_well_formed(&plot.drawing.svg(Theme::Preferred));
    }
    assert_self_contained(&html(&results).unwrap());
}

#[test]
fn a_page_loads_nothing_and_names_every_contender() {
    for results in [recorded(), claiming()] {
        let html = html(&results).unwrap();
        assert_self_contained(&html);
        for contender in &results.plan.contenders {
            assert!(html.contains(&contender.name), "no {}", contender.name);
        }
        assert!(html.contains("prefers-color-scheme") && html.contains("width=device-width"));
        assert!(html.contains(&results.environment.kernel), "no environment");
    }
    assert_self_contained(&sweep_html(&swept()).unwrap());
}

#[test]
fn the_numbers_are_those_of_the_summary() {
    let mut results = claiming();
    let ranking = &summarise(&results).rankings[0];
    let (cost, memory) = (
        drawn(&results, "hello-cost"),
        drawn(&results, "hello-memory"),
    );
    for row in &ranking.rows {
        let said = |drawing: &Drawing, figure: String| {
            let expected = format!("{} {figure}", row.contender);
            assert!(
                drawing.alt().contains(&expected),
                "no {expected} in {}",
                drawing.alt()
            );
            assert!(drawing.svg(Theme::Light).contains(&format!(">{figure}<")));
        };
        let metric = ranking.workload.metric;
        said(&cost, shown(row.cpu_us_per_request.unwrap().median, metric));
        let memory_metric = crate::bench::workload::Metric::Memory;
        said(
            &memory,
            shown(row.peak_pss_kib.unwrap().median, memory_metric),
        );
    }
    let against = drawn(&results, "hello-against");
    for against_reference in &ranking.against_reference {
        let ratio = crate::report::rows::times(against_reference.comparison.ratio);
        let expected = format!("{} {ratio} more", against_reference.contender);
        assert!(against.alt().contains(&expected), "{}", against.alt());
    }
    let waits = drawn(&results, "hello-waits");
    assert!(
        waits.alt().contains("prefork p50 100 µs, p99 150 µs"),
        "{}",
        waits.alt()
    );
    for run in &mut results.runs {
        run.measurement.as_mut().unwrap().latency.buckets_ns = vec![(100_000, 20_000)];
    }
    let svg = drawn(&results, "hello-waits").svg(Theme::Light);
    assert!(svg.contains(">0.1 %<") && svg.contains(">0.01 %<"), "{svg}");
    let workers = drawn(&results, "hello-workers");
    let fairness = ranking.rows[1].fairness.unwrap().median;
    assert!(
        workers
            .alt()
            .contains(&format!("3 workers, fairness {fairness:.3}"))
    );
}

#[test]
fn a_failed_contender_is_shown_as_failed_and_never_leads() {
    let results = recorded();
    for name in ["close-cost", "hello-cost", "hello-memory"] {
        let drawing = drawn(&results, name);
        let (_, bars) = drawing.alt().split_once(": ").unwrap();
        assert!(!bars.starts_with("dies"), "{bars}");
        assert!(bars.contains("dies FAILED: "), "{bars}");
    }
    // It would have been the cheapest by far.
    let mut results = claiming();
    for run in results
        .runs
        .iter_mut()
        .filter(|run| run.contender == "fork")
    {
        run.measurement.as_mut().unwrap().server.cpu_us_per_request = Some(0.1);
        run.failure = Some(Failure::StoppedBadly {
            how: "signal 9".to_owned(),
        });
    }
    let cost = drawn(&results, "hello-cost");
    assert!(
        cost.alt()
            .starts_with("CPU per request, hello: iterative 10"),
        "{}",
        cost.alt()
    );
    assert!(
        cost.alt().ends_with("fork FAILED: stopped badly."),
        "{}",
        cost.alt()
    );
    let against = drawn(&results, "hello-against");
    assert!(!against.alt().contains(", fork "), "{}", against.alt());
    assert!(!against.alt().contains(": fork "), "{}", against.alt());
    assert!(
        drawn(&results, "hello-waits")
            .svg(Theme::Light)
            .contains("fork FAILED")
    );
}

#[test]
fn a_sweep_marks_where_clients_wait() {
    let plots = sweep_plots(&swept());
    let rate = plots.iter().find(|it| it.name == "hello-rate").unwrap();
    assert!(
        rate.drawing.alt().ends_with("Trouble at 200: fork."),
        "{}",
        rate.drawing.alt()
    );
    // A ring lies on a disc of paper.
    let svg = rate.drawing.svg(Theme::Light);
    assert_eq!(
        svg.matches("<circle class=\"sp-paper\"").count(),
        1,
        "{svg}"
    );
}

#[test]
fn a_sweep_is_read_from_its_files() {
    let directory = tempfile::tempdir().unwrap();
    let swept = swept();
    for point in &swept.points {
        let own: PathBuf = directory.path().join(swept.sweep.directory(point.value));
        fs::create_dir(&own).unwrap();
        point.results.write(&own).unwrap();
    }
    swept.write(directory.path()).unwrap();
    let file = directory.path().join(SWEEP);
    let read = SweepResults::read(&file).unwrap();
    assert_eq!(read.file(), swept.file());
    let alts = |swept: &SweepResults| -> Vec<String> {
        let plots = sweep_plots(swept).into_iter();
        plots.map(|it| it.drawing.alt().to_owned()).collect()
    };
    assert_eq!(alts(&read), alts(&swept));
    fs::remove_dir_all(directory.path().join("connections-200")).unwrap();
    let why = SweepResults::read(&file).unwrap_err().to_string();
    assert!(why.contains("connections-200"), "{why}");
}

#[test]
fn the_picture_joins_costs_and_waits_in_both_shapes_and_themes() {
    let files = pictures(&recorded());
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "picture-light.svg",
        "picture-dark.svg",
        "picture-narrow-light.svg",
        "picture-narrow-dark.svg",
    ];
    assert_eq!(names, expected);
    for (_, svg) in &files {
        assert_well_formed(svg);
        for word in ["CPU per request, close", "Who waits, hello", "FAILED: died"] {
            assert!(svg.contains(word), "{word} is missing in\n{svg}");
        }
    }
    assert_ne!(files[0].1, files[1].1);
    // It needs both workloads.
    assert_eq!(pictures(&claiming()), []);
}

#[test]
fn rates_are_plotted_with_the_knees_and_rings_where_a_rate_failed() {
    let mut ladder = ladder_table::tests::ladder(&[500.0, 1250.0]);
    ladder.climbs[1].steps[1].kept = crate::bench::ladder::Kept::Fails;
    let figures = ladder::figures(&ladder);
    assert_eq!(figures[0].name, "close-rates-p99");
    let alt = figures[0].drawing.alt();
    assert!(
        alt.contains("prefork --workers 4 holds up to 500/s"),
        "{alt}"
    );
    for figure in &figures {
        let svg = figure.drawing.svg(Theme::Light);
        assert_well_formed(&svg);
        assert_eq!(
            svg.matches("<circle class=\"sp-paper\"").count(),
            1,
            "{svg}"
        );
        assert!(svg.contains(">1.25k<") || svg.contains(">1k<"), "{svg}");
    }
}
