use super::*;

use crate::bench::failure::Failure;
use crate::bench::results::Results;
use crate::bench::results::tests::results;
use crate::bench::summary::summarise;
use crate::report::bench_table::tests::costing;

fn said(results: &Results) -> String {
    below_the_table(results, &summarise(results)).join("\n")
}

#[test]
fn every_contender_is_told_against_the_reference() {
    let names = ["prefork", "epoll", "fork", "twin"];
    let said = said(&costing(&names, &[10.0, 7.0, 140.0, 10.0, 10.0], 12));
    let expected = "hello, CPU per request against prefork: less: epoll 0.70×; more: fork 14.0×; \
                    the same within 2 %: twin.";
    assert!(said.contains(expected), "{said}");
    assert!(said.contains("hello: epoll has the least, 7.0"), "{said}");
    assert!(
        said.contains("prefork against itself differed by 0"),
        "{said}"
    );
}

#[test]
fn no_pair_is_ranked_that_is_not_told_apart() {
    let names = ["prefork", "epoll", "poll", "fork"];
    let said = said(&costing(&names, &[10.0, 7.0, 7.0, 140.0, 10.0], 12));
    assert!(
        said.contains("have epoll and poll; no difference between these"),
        "{said}"
    );
}

#[test]
fn with_too_few_blocks_nothing_is_claimed() {
    for blocks in 1..6 {
        let said = said(&costing(&["fork", "epoll"], &[140.0, 7.0], blocks));
        assert!(said.contains("Nothing is claimed: "), "{said}");
        assert!(said.contains("at least 6 blocks"), "{said}");
        for claim in ["less:", "more:", "the least", "the same within 2"] {
            assert!(!said.contains(claim), "{claim} in\n{said}");
        }
    }
}

#[test]
fn a_contender_that_failed_leads_no_sentence() {
    let mut results = costing(&["prefork", "threaded"], &[10.0, 7.0, 10.0], 12);
    let killed = results
        .runs
        .iter_mut()
        .find(|it| it.contender == "threaded");
    killed.unwrap().failure = Some(Failure::Died {
        how: "signal 9".to_owned(),
    });
    let said = said(&results);
    assert!(said.contains("FAILED threaded"), "{said}");
    assert!(
        !said.contains("threaded 0.70×") && !said.contains("least,"),
        "{said}"
    );
}

#[test]
fn a_machine_that_tells_equal_servers_apart_is_not_trusted() {
    let said = said(&costing(&["fork", "epoll"], &[10.0, 20.0, 12.0], 12));
    assert!(said.contains("distrust the whole bench"), "{said}");
    // What equal servers differ by is the margin for all others.
    assert!(said.contains("more: epoll 1.99×"), "{said}");
}

#[test]
fn noise_says_what_it_takes_to_show_ten_per_cent() {
    for (noise, advice) in [(0.4, "blocks would show 10 %"), (1.0, "a quieter machine")] {
        let mut noisy = results(&["a", "b"], 8);
        crate::bench::results::tests::fill(&mut noisy, |index, block| {
            10.0 + noise * ((index * 3 + block * 5) % 7) as f64
        });
        let said = said(&noisy);
        assert!(said.contains("cannot tell: b"), "{said}");
        assert!(said.contains(advice), "{said}");
    }
}

#[test]
fn nothing_measured_means_nothing_claimed() {
    let said = said(&results(&["fork", "epoll"], 12));
    assert!(said.contains("Nothing is claimed"), "{said}");
}

#[test]
fn contenders_without_an_answer_are_not_compared() {
    let mut results = costing(&["fork", "epoll"], &[10.0, 7.0, 10.0], 6);
    for run in &mut results.runs {
        if let Some(window) = run
            .measurement
            .as_mut()
            .filter(|_| run.contender == "epoll")
        {
            (window.requests, window.server.cpu_us_per_request) = (0, None);
        }
    }
    let said = said(&results);
    assert!(said.contains("nothing to compare with fork"), "{said}");
}

#[test]
fn a_handler_that_holds_its_worker_is_explained() {
    let mut results = costing(&["fork", "epoll"], &[10.0, 7.0, 10.0], 6);
    results.plan.workloads[0].path = "/sleep?ms=20".to_owned();
    let said = said(&results);
    assert!(
        said.contains("/sleep?ms=20 holds the process or thread"),
        "{said}"
    );
}

#[test]
fn lists_read_as_people_write_them() {
    let names = ["a", "b", "c"].map(str::to_owned);
    assert_eq!(and(&names[..1]), "a");
    assert_eq!(and(&names), "a, b and c");
    assert_eq!([0.02, 0.0345].map(percent), ["2 %", "3.5 %"]);
}
