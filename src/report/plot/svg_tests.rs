use super::*;

#[test]
fn a_name_keeps_its_beginning_and_its_end() {
    assert_eq!(shortened("prefork", 12), "prefork");
    assert_eq!(shortened("prefork --workers 16", 12), "prefo…ers 16");
}

#[test]
fn text_is_escaped_and_no_line_is_empty() {
    let mut drawing = Drawing::new(100.0, 50.0, "a < \"b\"");
    drawing.name((0.0, 0.0), Anchor::Start, "a very long <name> & more", 8);
    for theme in [Theme::Preferred, Theme::Light, Theme::Dark] {
        let svg = drawing.svg(theme);
        assert!(svg.contains("aria-label=\"a &lt; &quot;b&quot;\""), "{svg}");
        assert!(svg.contains("<title>a very long &lt;name&gt; &amp; more</title>"));
        assert!(svg.lines().all(|line| !line.trim().is_empty()), "{svg}");
    }
}

#[test]
fn a_theme_decides_which_colours_rule() {
    let drawing = Drawing::new(1.0, 1.0, "");
    assert!(!drawing.svg(Theme::Light).contains("<style"));
    assert!(!drawing.svg(Theme::Dark).contains("@media"));
    assert!(
        drawing
            .svg(Theme::Preferred)
            .contains("@media (prefers-color-scheme:dark)")
    );
}
