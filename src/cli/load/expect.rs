//! Expectations on the command line: `p99<20ms`, `errors<0.1%`, `rate>900`.

use crate::cli::duration;
use crate::load::{Expectation, Quantity, Side};

const FORMS: &str = "write p50<20ms (or p90, p99, p99.9, mean, max), errors<0.1% or rate>900";

/// Parses an expectation.
///
/// # Errors
/// A sentence for the user.
pub(in crate::cli) fn parse(text: &str) -> Result<Expectation, String> {
    let at = text.find(['<', '>']).ok_or(FORMS)?;
    let side = match &text[at..=at] {
        "<" => Side::Below,
        _ => Side::Above,
    };
    let (name, bound) = (text[..at].trim(), text[at + 1..].trim());
    let quantity = quantity(name).ok_or_else(|| format!("'{name}' is no figure: {FORMS}"))?;
    let bound = match quantity {
        Quantity::Errors => share(bound)?,
        Quantity::Rate => super::stages::rate(bound)?,
        _ => duration::parse(bound)?.as_nanos() as f64,
    };
    Ok(Expectation {
        quantity,
        side,
        bound,
        text: text.to_owned(),
    })
}

fn quantity(name: &str) -> Option<Quantity> {
    match name {
        "mean" => Some(Quantity::Mean),
        "max" => Some(Quantity::Max),
        "errors" => Some(Quantity::Errors),
        "rate" => Some(Quantity::Rate),
        "p999" => Some(Quantity::Quantile(0.999)),
        _ => {
            let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
            (0.0 < percent && percent < 100.0).then_some(Quantity::Quantile(percent / 100.0))
        }
    }
}

/// Parses `0.1%`, or a share such as `0.001`.
///
/// # Errors
/// A sentence for the user.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix('%') {
        Some(percent) => (percent.trim(), 100.0),
        None => (text, 1.0),
    };
    let share = number.parse::<f64>().map(|number| number / unit);
    match share {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(format!("'{text}' is no share: write 0.1%")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_are_read_with_their_units() {
        for (text, quantity, side, bound) in [
            ("p99<20ms", Quantity::Quantile(0.99), Side::Below, 20e6),
            ("p99.9 < 1s", Quantity::Quantile(0.999), Side::Below, 1e9),
            ("max<50us", Quantity::Max, Side::Below, 50e3),
            ("mean>1ms", Quantity::Mean, Side::Above, 1e6),
            ("errors<0.1%", Quantity::Errors, Side::Below, 0.001),
            ("rate>1.5k", Quantity::Rate, Side::Above, 1500.0),
        ] {
            let expectation = parse(text).unwrap();
            let (read, bound_read) = (expectation.quantity, expectation.bound);
            if let (Quantity::Quantile(read), Quantity::Quantile(q)) = (read, quantity) {
                assert!((read - q).abs() < 1e-9, "{text}");
            } else {
                assert_eq!(read, quantity, "{text}");
            }
            assert!(
                (bound_read - bound).abs() <= bound * 1e-9,
                "{text}: {bound_read}"
            );
            assert_eq!((expectation.side, &*expectation.text), (side, text));
        }
    }

    #[test]
    fn complaints_show_the_form() {
        for (text, words) in [
            ("p99", "write p50<20ms"),
            ("p100<1ms", "'p100' is no figure"),
            ("latency<1ms", "'latency' is no figure"),
            ("p99<20", "20s or 20ms"),
            ("errors<2", "'2' is no share"),
            ("errors<x%", "'x%' is no share"),
            ("rate>fast", "'fast' is no rate"),
        ] {
            let complaint = parse(text).unwrap_err();
            assert!(complaint.contains(words), "{text}: {complaint}");
        }
    }
}
