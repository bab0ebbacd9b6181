//! Sentences broken into lines. Pure.

/// `line` broken between words at `width_max` columns; what goes on is indented.
pub(super) fn wrapped(line: &str, width_max: usize) -> String {
    let mut lines = broken_with(line, width_max, "  ").join("\n");
    lines.push('\n');
    lines
}

/// `line` broken between words at `width_max` columns.
pub(super) fn broken(line: &str, width_max: usize) -> Vec<String> {
    broken_with(line, width_max, "")
}

/// A word that is too long for any line has one of its own.
fn broken_with(line: &str, width_max: usize, indent: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let (mut width, mut is_empty) = (0, true);
    for word in line.split(' ') {
        let length = word.chars().count();
        if !is_empty && width + 1 + length > width_max {
            lines.push(indent.to_owned());
            (width, is_empty) = (indent.len(), true);
        }
        if let Some(last) = lines.last_mut() {
            if !is_empty {
                last.push(' ');
                width += 1;
            }
            last.push_str(word);
        }
        width += length;
        is_empty = false;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_none_is_lost() {
        let line = "word ".repeat(60);
        let text = wrapped(line.trim_end(), 100);
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
        assert_eq!(text.split_whitespace().count(), 60);
        assert!(
            text.lines().skip(1).all(|line| line.starts_with("  word")),
            "{text}"
        );
        assert_eq!(wrapped("short", 100), "short\n");
    }

    #[test]
    fn a_word_that_fits_nowhere_stays_whole() {
        assert_eq!(broken("a verylongword b", 6), ["a", "verylongword", "b"]);
        assert_eq!(broken("", 6), [""]);
    }
}
