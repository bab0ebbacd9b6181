//! A bar for each contender, with its range and its figure in words. Pure.

use super::svg::{Anchor, Drawing, Ink, width_of};
use super::{MARGIN, WIDTH};

const HEAD: f64 = 32.0;
const ROW: f64 = 25.0;
const BAR: f64 = 14.0;
/// Longer names stand above their bars.
const NAME_LETTERS: usize = 13;
/// The space between two columns.
const GAP: f64 = 11.0;

/// Bars of one quantity, which all begin at zero.
#[derive(Debug)]
pub struct Bars<'a> {
    /// What the bars show.
    pub title: &'a str,
    /// From the top down.
    pub bars: Vec<Bar>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Whose it is.
    pub name: String,
    /// Its colour.
    pub series: usize,
    /// Its length; none where nothing was measured.
    pub value: Option<f64>,
    /// The smallest and the largest value of a block.
    pub range: Option<(f64, f64)>,
    /// The figure in words.
    pub figure: String,
    /// What else there is to say, such as a ratio.
    pub remark: String,
    /// What went wrong. It stands in place of the bar.
    pub failure: Option<String>,
}

impl Bars<'_> {
    /// The bars with a text for a reader who does not see them.
    pub fn draw(&self) -> Drawing {
        let longest = self.longest(|it| &it.name);
        let is_above = longest > NAME_LETTERS;
        let row = if is_above { ROW + 16.0 } else { ROW };
        let height = HEAD + row * self.bars.len() as f64 + MARGIN;
        let mut drawing = Drawing::new(WIDTH, height, self.alt());
        drawing.heading((MARGIN, 20.0), self.title);
        let names = if is_above {
            0.0
        } else {
            self.width(|it| &it.name) + GAP
        };
        let remarks = self.width(|it| &it.remark);
        let figures = WIDTH - MARGIN - remarks - if remarks > 0.0 { GAP } else { 0.0 };
        let left = MARGIN + names;
        let room = figures - self.width(|it| &it.figure) - GAP - left;
        let ends = self.bars.iter().filter(|it| it.failure.is_none());
        let ends = ends.filter_map(|it| it.range.map(|range| range.1).or(it.value));
        let largest = ends.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        for (index, bar) in self.bars.iter().enumerate() {
            let mut top = HEAD + row * index as f64;
            let at = (MARGIN, top + 14.5);
            drawing.name(
                at,
                Anchor::Start,
                &bar.name,
                if is_above { 52 } else { NAME_LETTERS },
            );
            if is_above {
                top += 16.0;
            }
            let text = top + 14.5;
            match &bar.failure {
                Some(why) => {
                    drawing.text((left, text), Anchor::Start, Ink::Alarm, why);
                }
                None => {
                    let scale = |value: f64| left + value / largest * room;
                    bar.draw(&mut drawing, top + (ROW - BAR) / 2.0 - 2.0, left, &scale);
                    drawing.text((figures, text), Anchor::End, Ink::Text, &bar.figure);
                    let at = (WIDTH - MARGIN, text);
                    drawing.text(at, Anchor::End, Ink::Faint, &bar.remark);
                }
            }
        }
        drawing
    }

    fn longest(&self, text: fn(&Bar) -> &String) -> usize {
        let lengths = self.bars.iter().map(|it| text(it).chars().count());
        lengths.max().unwrap_or(0)
    }

    fn width(&self, text: fn(&Bar) -> &String) -> f64 {
        let sound = self.bars.iter();
        sound.map(|it| width_of(text(it))).fold(0.0, f64::max)
    }

    fn alt(&self) -> String {
        let said = self.bars.iter().map(|bar| match &bar.failure {
            Some(why) => format!("{} {why}", bar.name),
            None => format!("{} {} {}", bar.name, bar.figure, bar.remark),
        });
        let said: Vec<String> = said.map(|it| it.trim_end().to_owned()).collect();
        format!("{}: {}.", self.title, said.join(", "))
    }
}

impl Bar {
    fn draw(&self, drawing: &mut Drawing, top: f64, left: f64, scale: &dyn Fn(f64) -> f64) {
        let Some(value) = self.value.filter(|it| it.is_finite()) else {
            return;
        };
        let ink = Ink::Series(self.series);
        let length = (scale(value) - left).max(1.0);
        drawing.rectangle((left, top), (length, BAR), ink);
        let Some((min, max)) = self.range.filter(|(min, max)| max > min) else {
            return;
        };
        let middle = top + BAR / 2.0;
        drawing.line((scale(min), middle), (scale(max), middle), Ink::Text, 1.5);
        for end in [min, max] {
            let x = scale(end);
            drawing.line((x, middle - 4.0), (x, middle + 4.0), Ink::Text, 1.5);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, failure: Option<&str>) -> Bar {
        Bar {
            name: name.to_owned(),
            series: 0,
            value: Some(10.0),
            range: Some((9.0, 12.0)),
            figure: "10 µs".to_owned(),
            remark: "1.5×".to_owned(),
            failure: failure.map(str::to_owned),
        }
    }

    #[test]
    fn a_failure_stands_in_place_of_the_bar() {
        let bars = Bars {
            title: "Cost",
            bars: vec![bar("epoll", None), bar("fork", Some("FAILED: died"))],
        };
        let drawing = bars.draw();
        assert_eq!(drawing.alt(), "Cost: epoll 10 µs 1.5×, fork FAILED: died.");
        let svg = drawing.svg(super::super::Theme::Light);
        // The paper and one bar.
        assert_eq!(svg.matches("<rect").count(), 2, "{svg}");
        assert_eq!(svg.matches("10 µs").count(), 2, "{svg}");
    }
}
