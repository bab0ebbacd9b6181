use super::*;
use crate::size::{Service, recommend};

#[test]
fn the_answer_fits_and_names_what_it_rests_on() {
    let service = Service::measured(0.001, [(0.020, 1)]);
    let objective = Objective {
        quantile: 0.99,
        below_s: 0.05,
    };
    let need = |name: &str, rule, below_s| Need {
        name: name.to_owned(),
        rule,
        cpu_s: 0.001,
        worker_kib: Some(2048.0),
        size: recommend(
            rule,
            None,
            &service,
            400.0,
            Objective {
                below_s,
                ..objective
            },
            1,
        ),
    };
    let advice = Advice {
        rate_per_s: 400.0,
        objective,
        expectation: "p99<50ms".to_owned(),
        service_s: service.mean_s(),
        source: "of low.json".to_owned(),
        machine: (2, 2 * 1024 * 1024),
        needs: vec![
            need("prefork", Rule::OneQueue, 0.05),
            need("threaded", Rule::NoQueue, 0.05),
            need("impossible", Rule::OneQueue, 0.01),
        ],
        checks: vec![Check {
            server: "worker --workers 1 --threads 7".to_owned(),
            rate_per_s: 10_670.0,
            utilisation: 0.95,
            p50_predicted_ms: 21.9,
            p50_measured_ms: 4460.0,
            p99_predicted_ms: 29.2,
            p99_measured_ms: 8070.0,
            marks: vec!["lower-bounds", "behind", "connection-limit"],
        }],
        pools: Vec::new(),
    };
    let text = text(&advice);
    for words in [
        "8.0 requests in service",
        "1 each",
        "assumes:",
        "no size is enough",
        "--threads 7: marked lower-bounds, behind, connection-limit",
    ] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    assert!(
        text.lines().all(|line| line.chars().count() <= WIDTH),
        "{text}"
    );
    let json = serde_json::to_value(json(&advice)).unwrap();
    assert_eq!(json["needs"][0]["queue"], "one");
    assert!(json["needs"][2]["refused"].is_string(), "{json:#}");
}

#[test]
fn a_large_pool_bears_a_high_utilisation_better() {
    let service = Service::measured(0.001, [(0.020, 1)]);
    let both = [4, 40].map(|workers| Pool::simulated(workers, &service, 1));
    let p99 = |pool: &Pool| pool.p99_s.last().unwrap().1;
    assert!(p99(&both[0]) > 2.0 * p99(&both[1]));
    let text = pools(&both).text(WIDTH);
    assert!(text.starts_with("workers "), "{text}");
    assert!(text.contains("u = 0.90  "), "{text}");
    assert_eq!(text.lines().count(), 2 + POOL_ROWS.len(), "{text}");
}
