//! Entity tags as clients list them (RFC 9110 §8.8.3).

/// An entity tag: `"opaque"` or `W/"opaque"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntityTag<'a> {
    weak: bool,
    opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// The tag at the start of `text`, and the text behind it.
    fn split(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (weak, quoted) = match text {
            [b'W', b'/', quoted @ ..] => (true, quoted),
            _ => (false, text),
        };
        let inner = quoted.strip_prefix(b"\"")?;
        let end = memchr::memchr(b'"', inner)?;
        let opaque = &inner[..end];
        let is_tag = opaque.iter().all(|&byte| byte > b' ' && byte != 0x7f);
        is_tag.then_some((Self { weak, opaque }, &inner[end + 1..]))
    }

    /// Parses a single tag, with nothing around it.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        match Self::split(text)? {
            (tag, []) => Some(tag),
            _ => None,
        }
    }

    /// Strong comparison: neither is weak, and they are the same (RFC 9110 §8.8.3.2).
    pub(super) fn matches_strongly(self, other: Self) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Weak comparison: they are the same, with or without a `W/`.
    pub(super) fn matches_weakly(self, other: Self) -> bool {
        self.opaque == other.opaque
    }
}

/// Iterates over the tags of a comma-separated list. A tag may hold commas, so the list cannot be
/// split at them. Empty elements are skipped (RFC 9110 §5.6.1.2). The list ends at the first
/// element that is no tag, since what follows cannot be parsed with certainty.
pub(super) struct Tags<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Tags<'a> {
    type Item = EntityTag<'a>;

    fn next(&mut self) -> Option<EntityTag<'a>> {
        let is_separator = |&byte: &u8| matches!(byte, b' ' | b'\t' | b',');
        let start = self.0.iter().position(|byte| !is_separator(byte))?;
        let split = EntityTag::split(&self.0[start..])
            // Only a comma or the end of the list may follow a tag.
            .filter(|(_, rest)| matches!(rest.trim_ascii_start(), [] | [b',', ..]));
        let (tag, rest) = split.unzip();
        self.0 = rest.unwrap_or_default();
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strong(opaque: &str) -> EntityTag<'_> {
        EntityTag {
            weak: false,
            opaque: opaque.as_bytes(),
        }
    }

    fn weak(opaque: &str) -> EntityTag<'_> {
        EntityTag {
            weak: true,
            opaque: opaque.as_bytes(),
        }
    }

    #[test]
    fn lists_are_read_as_the_grammar_has_them() {
        for (list, tags) in [
            ("", vec![]),
            (" , ,", vec![]),
            (r#""a""#, vec![strong("a")]),
            (r#""""#, vec![strong("")]),
            (r#"W/"a""#, vec![weak("a")]),
            (r#""a", "b""#, vec![strong("a"), strong("b")]),
            (r#""a","b""#, vec![strong("a"), strong("b")]),
            (r#",, "a" ,	W/"b",,"#, vec![strong("a"), weak("b")]),
            (r#""a,b", "c""#, vec![strong("a,b"), strong("c")]),
            (r#""W/""#, vec![strong("W/")]),
            (r#"w/"a""#, vec![]),
            (r#"W/ "a""#, vec![]),
            ("a", vec![]),
            ("*", vec![]),
            (r#""a"#, vec![]),
            (r#""a b""#, vec![]),
            (r#""a" "b""#, vec![]),
            (r#""a"x, "b""#, vec![]),
            (r#""a", b, "c""#, vec![strong("a")]),
        ] {
            assert_eq!(Tags(list.as_bytes()).collect::<Vec<_>>(), tags, "{list}");
        }
    }

    #[test]
    fn bytes_beyond_ascii_may_stand_in_a_tag_and_controls_may_not() {
        assert_eq!(Tags(b"\"\xff\x80\"").count(), 1);
        for byte in (0..=b' ').chain([0x7f]) {
            assert_eq!(Tags(&[b'"', byte, b'"']).count(), 0, "{byte:#x}");
        }
    }

    #[test]
    fn a_single_tag_stands_alone() {
        assert_eq!(EntityTag::parse(br#""a""#), Some(strong("a")));
        assert_eq!(EntityTag::parse(br#"W/"a""#), Some(weak("a")));
        for text in ["", "a", "*", r#""a" "#, r#""a","b""#, r#" "a""#] {
            assert_eq!(EntityTag::parse(text.as_bytes()), None, "{text}");
        }
    }

    /// The table of RFC 9110 §8.8.3.2.
    #[test]
    fn comparison_is_as_the_table_of_the_specification_has_it() {
        for (left, right, strongly, weakly) in [
            (weak("1"), weak("1"), false, true),
            (weak("1"), weak("2"), false, false),
            (weak("1"), strong("1"), false, true),
            (strong("1"), strong("1"), true, true),
        ] {
            assert_eq!(left.matches_strongly(right), strongly);
            assert_eq!(left.matches_weakly(right), weakly);
        }
    }
}
