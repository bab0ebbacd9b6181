//! Sentences broken into lines. Pure.

/// `line` broken between words at `width_max` columns; what goes on is indented.
pub(super) fn wrapped(line: &str, width_max: usize) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > width_max {
            text.push_str("\n ");
            width = 1;
        }
        if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::wrapped;

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
}
