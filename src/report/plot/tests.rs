use super::*;

fn plot(points: Vec<(f64, f64)>) -> Plot<'static> {
    Plot {
        title: "A <title>",
        x: Axis::linear("seconds"),
        y: Axis::log("ms"),
        lines: vec![Line::new("p50", points.clone()), Line::new("p99", points)],
    }
}

#[test]
fn a_plot_shows_its_lines_and_names_them() {
    let svg = plot(vec![(0.0, 1.0), (1.0, 10.0), (2.0, 300.0)]).svg();
    assert!(
        svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"),
        "{svg}"
    );
    assert!(svg.contains("A &lt;title&gt;"), "{svg}");
    assert!(svg.contains(">p50<") && svg.contains(">p99<"), "{svg}");
    assert!(svg.contains("ms by seconds for p50, p99"), "{svg}");
    assert!(svg.matches("<path").count() >= 4, "{svg}");
}

#[test]
fn nothing_zeros_and_gaps_can_be_drawn() {
    let gap = vec![(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0)];
    for points in [vec![], vec![(0.0, 0.0)], vec![(0.0, 0.0), (1.0, 0.0)], gap] {
        let linear = Plot {
            y: Axis::linear("n"),
            ..plot(points.clone())
        };
        for svg in [plot(points).svg(), linear.svg()] {
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}

#[test]
fn a_flagged_point_is_a_ring() {
    let mut plot = plot(vec![(1.0, 1.0), (2.0, 2.0)]);
    let rings = |plot: &Plot<'_>| {
        plot.svg()
            .matches(
                "fill=\"none\" stroke=\"currentColor\" \
        stroke-width=\"2\"/>",
            )
            .count()
    };
    assert_eq!(rings(&plot), 0);
    let line = plot.lines.remove(0).with_dots(vec![1]);
    plot.lines.insert(0, line);
    assert_eq!(rings(&plot), 1);
}

#[test]
fn names_do_not_overlap_and_stay_inside() {
    let places = spread(&[10.0, 11.0, 12.0, 99.0], (0.0, 100.0), 15.0);
    assert_eq!(places, [10.0, 25.0, 40.0, 99.0]);
    let places = spread(&[98.0, 99.0, 99.5], (0.0, 100.0), 15.0);
    assert_eq!(places, [70.0, 85.0, 100.0]);
}
