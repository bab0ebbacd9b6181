//! Axes: the range that they show, their numbers, and where a value lies. Pure.

/// A linear axis has about so many numbers.
const NUMBERS: f64 = 5.0;
/// A logarithmic axis of fewer decades has numbers between the powers of ten.
const DECADES_FEW: f64 = 2.5;
/// The least value of a logarithmic axis, in its unit.
const LOG_MIN: f64 = 1e-3;

/// What an axis means.
#[derive(Debug, Clone, Copy)]
pub struct Axis<'a> {
    pub(super) label: &'a str,
    is_log: bool,
    is_reversed: bool,
    least: f64,
    format: fn(f64) -> String,
}

impl<'a> Axis<'a> {
    /// Equal distances for equal differences; it begins at 0.
    pub fn linear(label: &'a str) -> Self {
        Self {
            label,
            is_log: false,
            is_reversed: false,
            least: LOG_MIN,
            format: number,
        }
    }

    /// Equal distances for equal ratios. Values below a thousandth are drawn as one.
    pub fn log(label: &'a str) -> Self {
        Self {
            is_log: true,
            ..Self::linear(label)
        }
    }

    /// How its numbers are written; an empty text leaves one out.
    #[must_use]
    pub fn with_format(self, format: fn(f64) -> String) -> Self {
        Self { format, ..self }
    }

    /// Small values are drawn as this one, where the axis is logarithmic.
    #[must_use]
    pub fn with_least(self, least: f64) -> Self {
        Self { least, ..self }
    }

    /// Large values come first.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            is_reversed: true,
            ..self
        }
    }

    /// The scale that shows all `values` between two places of the drawing.
    pub(super) fn scale(&self, values: impl Iterator<Item = f64>, from: f64, to: f64) -> Scale {
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            let value = self.inner(value);
            (min, max) = (min.min(value), max.max(value));
        }
        if min > max {
            (min, max) = (self.inner(1.0), self.inner(10.0));
        }
        if !self.is_log {
            min = min.min(0.0);
        }
        if max - min < 1e-9 {
            max = min + 1.0;
        }
        let (from, to) = match self.is_reversed {
            true => (to, from),
            false => (from, to),
        };
        Scale { min, max, from, to }
    }

    /// Where a value lies in the drawing.
    pub(super) fn place(&self, scale: Scale, value: f64) -> f64 {
        let part = (self.inner(value) - scale.min) / (scale.max - scale.min);
        scale.from + (scale.to - scale.from) * part
    }

    /// The numbers at the axis, with their places.
    pub(super) fn ticks(&self, scale: Scale) -> Vec<(f64, String)> {
        let values = match self.is_log {
            true => log_ticks(scale.min, scale.max),
            false => linear_ticks(scale.min, scale.max),
        };
        let ticks = values.into_iter();
        let ticks = ticks.map(|value| (self.place(scale, value), (self.format)(value)));
        ticks.filter(|(_, text)| !text.is_empty()).collect()
    }

    fn inner(&self, value: f64) -> f64 {
        match self.is_log {
            true => libm::log10(value.max(self.least)),
            false => value,
        }
    }
}

/// A range of inner values and the places of its ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    min: f64,
    max: f64,
    from: f64,
    to: f64,
}

fn linear_ticks(min: f64, max: f64) -> Vec<f64> {
    let rough = (max - min) / NUMBERS;
    let power = libm::exp10(libm::floor(libm::log10(rough)));
    let steps = [1.0, 2.0, 5.0, 10.0].map(|it| it * power);
    let step = steps.into_iter().find(|it| *it >= rough).unwrap_or(rough);
    let first = (min / step).ceil() as i64;
    let last = (max / step + 1e-9).floor() as i64;
    (first..=last).map(|it| it as f64 * step).collect()
}

/// `min` and `max` are logarithms.
fn log_ticks(min: f64, max: f64) -> Vec<f64> {
    let between: &[f64] = match max - min {
        decades if decades > DECADES_FEW => &[1.0],
        decades if decades > DECADES_FEW / 2.0 => &[1.0, 3.0],
        _ => &[1.0, 2.0, 5.0],
    };
    let powers = min.floor() as i32..=max.ceil() as i32;
    let all = powers.flat_map(|power| between.iter().map(move |it| it * 10f64.powi(power)));
    let is_inside = |value: &f64| {
        let inner = libm::log10(*value);
        inner > min - 0.01 && inner < max + 0.01
    };
    all.filter(is_inside).collect()
}

/// No more digits than tell the numbers of an axis apart.
fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size >= 1e6 => format!("{}M", short(value / 1e6)),
        size if size >= 10_000.0 => format!("{}k", short(value / 1000.0)),
        size if size >= 10.0 => format!("{value:.0}"),
        _ => short(value),
    }
}

/// Up to three decimals, without zeros at the end.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.05, "0.05"),
            (1.5, "1.5"),
            (2.0, "2"),
            (250.0, "250"),
            (25_000.0, "25k"),
            (2_500_000.0, "2.5M"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn an_axis_has_round_numbers_within_its_range() {
        let texts = |axis: Axis<'_>, values: [f64; 2]| -> Vec<String> {
            let scale = axis.scale(values.into_iter(), 0.0, 100.0);
            let ticks = axis.ticks(scale);
            assert!(
                ticks.iter().all(|it| (-1.0..=101.0).contains(&it.0)),
                "{ticks:?}"
            );
            ticks.into_iter().map(|it| it.1).collect()
        };
        assert_eq!(
            texts(Axis::linear(""), [3.0, 42.0]),
            ["0", "10", "20", "30", "40"]
        );
        assert_eq!(texts(Axis::log(""), [0.5, 20.0]), ["1", "3", "10"]);
        assert_eq!(
            texts(Axis::log(""), [1.0, 10_000.0]),
            ["1", "10", "100", "1000", "10k"]
        );
    }

    #[test]
    fn values_lie_between_the_ends() {
        let axis = Axis::log("").reversed();
        let scale = axis.scale([0.001, 1.0].into_iter(), 0.0, 300.0);
        assert_eq!(axis.place(scale, 1.0), 0.0);
        assert_eq!(axis.place(scale, 0.001), 300.0);
        assert!((axis.place(scale, 0.1) - 100.0).abs() < 1e-9);
        // Nothing, or one value alone, has a range as well.
        for values in [vec![], vec![5.0]] {
            let scale = axis.scale(values.into_iter(), 0.0, 1.0);
            assert!(axis.place(scale, 5.0).is_finite());
        }
    }
}
