//! The table of a bench as a picture, for pages that cannot show a terminal.

use super::plot::svg::escaped;

/// Size of a character cell and the margin, in pixels.
const COLUMN: f64 = 7.8;
const LINE: usize = 18;
const MARGIN: usize = 16;

/// Draws lines of text as an SVG that looks like a terminal.
pub fn svg(text: &str) -> String {
    let columns = text
        .lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    let width = columns as f64 * COLUMN + 2.0 * MARGIN as f64;
    let height = text.lines().count() * LINE + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height}\" \
         width=\"{width:.0}\" height=\"{height}\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, \
         monospace\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1e2127\"/>\n"
    );
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
    {
        let baseline = MARGIN + number * LINE + 13;
        // Every line is stretched to its cells, so that columns align in whatever font there is.
        let length = line.chars().count() as f64 * COLUMN;
        svg.push_str(&format!(
            "<text x=\"{MARGIN}\" y=\"{baseline}\" fill=\"{}\" textLength=\"{length:.1}\" \
             xml:space=\"preserve\">{}</text>\n",
            colour(line),
            escaped(line)
        ));
    }
    svg + "</svg>\n"
}

/// Rules and ranges step back behind the figures.
fn colour(line: &str) -> &'static str {
    let is_rule = line.starts_with('─');
    let is_range = line.matches("..").count() > 1;
    if is_rule || is_range {
        "#8a919e"
    } else {
        "#e6e6e6"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_that_is_not_empty_is_drawn_and_escaped() {
        let svg = svg("a < b & c\n\n───\nlast");
        assert_eq!(svg.matches("<text").count(), 3);
        assert!(svg.contains("a &lt; b &amp; c"), "{svg}");
    }
}
