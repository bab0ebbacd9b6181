use super::*;

use std::collections::BTreeMap;

use crate::bench::stats::Spread;
use crate::bench::workload::Workload;

fn spread(figure: f64) -> Option<Spread> {
    Spread::of([figure])
}

fn step(rate: f64, kept: Kept) -> Step {
    Step {
        rate_per_s: rate,
        kept,
        achieved_per_s: spread(rate * 0.8),
        p50_us: spread(100.0),
        p99_us: spread(480_000.0),
        p999_us: None,
        cpu_us_per_request: spread(14.5),
        timer_lag_p99_us: spread(60.0),
        windows: 3,
        errors: 0,
        marks: BTreeMap::new(),
        failures: Vec::new(),
    }
}

pub(crate) fn ladder(rates: &[f64]) -> Ladder {
    let climb = |name: &str| Climb {
        contender: name.to_owned(),
        knee: Knee {
            holds_per_s: rates.first().copied(),
            fails_per_s: rates.get(1).copied(),
            is_generators_limit: false,
        },
        steps: rates.iter().map(|rate| step(*rate, Kept::Holds)).collect(),
    };
    Ladder {
        workload: Workload::named("close").unwrap(),
        rates_per_s: rates.to_vec(),
        expect: vec!["p99<20ms".to_owned()],
        climbs: ["prethreaded", "prefork --workers 4"].map(climb).to_vec(),
    }
}

fn view(width: usize, full: bool) -> View {
    View {
        width,
        styled: false,
        full,
    }
}

#[test]
fn nine_rates_fit() {
    let rates = [
        250.0, 1500.0, 3000.0, 4500.0, 5400.0, 9100.0, 16_000.0, 26_000.0, 54_000.0,
    ];
    for width in [60, 80] {
        let text = text(&ladder(&rates), view(width, true));
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{text}");
        assert!(text.contains("54k") && text.contains("prefork"), "{text}");
    }
}

#[test]
fn a_rate_that_did_not_hold_says_what_was_answered() {
    let mut behind = step(2000.0, Kept::Fails);
    assert_eq!(response_time(&behind), "✗480ms");
    behind
        .marks
        .insert(Mark::Behind, crate::bench::summary::Struck::default());
    assert_eq!(response_time(&behind), "✗480ms\n1.6k/s");
    assert_eq!(response_time(&step(2000.0, Kept::GeneratorLimit)), "*480ms");
}

#[test]
fn a_knee_says_whether_it_was_reached() {
    let of = |holds, fails, is_generators_limit| {
        knee(&Knee {
            holds_per_s: holds,
            fails_per_s: fails,
            is_generators_limit,
        })
    };
    assert_eq!(of(Some(500.0), Some(12_500.0), false), "500");
    assert_eq!(of(Some(12_500.0), None, false), "≥12.5k");
    assert_eq!(of(None, Some(500.0), false), "<500");
    assert_eq!(of(Some(500.0), Some(1000.0), true), "500*");
    assert_eq!(of(None, None, false), NONE);
}

#[test]
fn a_long_title_is_broken_on_a_terminal_too() {
    let styled = View {
        styled: true,
        ..view(60, false)
    };
    let title = styled.title(&heading(&ladder(&[500.0])));
    let plain = title.replace("\x1b[1m", "").replace("\x1b[0m", "");
    assert!(plain.lines().count() > 1, "{title}");
    assert!(
        plain.lines().all(|line| line.chars().count() <= 60),
        "{title}"
    );
}
