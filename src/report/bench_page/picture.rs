//! A bench in one picture: what a connection costs, beside who waits where connections are kept.

use super::bars::cost;
use super::curves::who_waits;
use crate::bench::results::Results;
use crate::bench::summary::{Ranking, summarise};
use crate::report::plot::{Drawing, Theme};

/// The workload whose costs it shows, and the one whose waiting times it shows.
const COSTS_OF: &str = "close";
const WAITS_OF: &str = "hello";

/// The picture as files, by name: wide and narrow, light and dark. Nothing where the bench did not
/// measure the two workloads in blocks.
pub fn pictures(results: &Results) -> Vec<(String, String)> {
    let summary = summarise(results);
    let of = |name: &str| summary.rankings.iter().find(|it| it.workload.name == name);
    let (Some(costs), Some(waits)) = (of(COSTS_OF), of(WAITS_OF)) else {
        return Vec::new();
    };
    let parts = parts(results, costs, waits);
    let shapes = [
        ("picture", Drawing::beside(&parts)),
        ("picture-narrow", Drawing::below(&parts)),
    ];
    let themes = [(Theme::Light, "light"), (Theme::Dark, "dark")];
    let files = shapes.iter().flat_map(|(shape, drawing)| {
        themes.map(|(theme, name)| (format!("{shape}-{name}.svg"), drawing.svg(theme)))
    });
    files.collect()
}

fn parts(results: &Results, costs: &Ranking, waits: &Ranking) -> [Drawing; 2] {
    let waits = who_waits(results, &waits.workload, &waits.rows);
    [cost(results, costs), waits.drawing]
}
