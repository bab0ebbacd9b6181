//! The book as a site: figures with a text for readers who do not see them, links that lead
//! somewhere, and nothing that is loaded from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::pages;

/// A shorter description of a figure says nothing.
const DESCRIPTION_MIN: usize = 20;

#[test]
fn every_figure_has_an_alternative_text() {
    let mut ids = BTreeMap::new();
    let files = figures();
    for file in &files {
        let place = file.display();
        let svg = fs::read_to_string(file).unwrap();
        let root = svg.split('>').next().unwrap();
        assert!(root.contains("role=\"img\""), "no image: {place}");
        let text = attributes(root, "aria-label").next();
        let text = text.unwrap_or_else(|| panic!("no aria-label: {place}"));
        assert!(text.len() >= DESCRIPTION_MIN, "{place}: {text}");
        assert!(!svg.contains("\n\n"), "an empty line ends HTML: {place}");
        assert!(
            !svg.contains("<script") && !svg.contains("href=") && !svg.contains("@import"),
            "more than a picture: {place}"
        );
        // All figures stand in one page, the one to print.
        for id in attributes(&svg, "id") {
            if let Some(other) = ids.insert(id.to_owned(), file) {
                panic!("the id {id} is in {} and in {place}", other.display());
            }
        }
    }
    assert!(files.len() > 20, "only {} figures", files.len());
    for file in [pages("chapters"), pages("")].concat() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(!text.contains("![]("), "an image in {}", file.display());
    }
}

/// The SVG files that chapters include.
fn figures() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for file in pages("chapters") {
        let text = fs::read_to_string(&file).unwrap();
        let names = text.split("{{#include ").skip(1);
        let names = names.map(|rest| rest.split("}}").next().unwrap());
        let svg = names.filter(|name| name.ends_with(".svg"));
        found.extend(svg.map(|name| file.parent().unwrap().join(name)));
    }
    found
}

#[test]
fn the_built_site_is_whole_and_loads_nothing_from_elsewhere() {
    let output = tempfile::tempdir().unwrap();
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("book");
    let mut build = Command::new("mdbook");
    build.arg("build").arg(&book).arg("-d").arg(output.path());
    let Ok(built) = build.output() else {
        eprintln!("skipped: mdbook is not installed");
        return;
    };
    assert!(built.status.success(), "{built:?}");
    let said = String::from_utf8_lossy(&built.stderr).into_owned();
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
    let mut html = BTreeMap::new();
    for file in fs::read_dir(output.path()).unwrap() {
        let file = file.unwrap().path();
        let text = fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        match file.extension().and_then(|it| it.to_str()) {
            Some("html") => drop(html.insert(file, text)),
            Some("css") => assert_only_local_urls(&file, &text),
            _ => {}
        }
    }
    let ids: BTreeMap<_, BTreeSet<_>> = html
        .iter()
        .map(|(file, text)| (file.clone(), attributes(text, "id").collect()))
        .collect();
    let mut followed = 0;
    for (file, text) in &html {
        for tag in text.split('<').map(|rest| rest.split('>').next().unwrap()) {
            followed += check(tag, file, &ids);
        }
    }
    assert!(followed > 1000, "only {followed} links");
}

/// Follows what a tag loads or links to. Returns how many links that were.
fn check(tag: &str, file: &Path, ids: &BTreeMap<PathBuf, BTreeSet<&str>>) -> usize {
    let is_link = tag.starts_with("a ");
    let targets = attributes(tag, "src").chain(attributes(tag, "href"));
    let mut followed = 0;
    for target in targets {
        let place = format!("{}: {target}", file.display());
        let is_elsewhere = target.contains("://") || target.starts_with("//");
        assert!(is_link || !is_elsewhere, "loaded from elsewhere: {place}");
        // The page for a path that does not exist bears links from the root of a site.
        if is_elsewhere || target.starts_with("data:") || target.starts_with('/') {
            continue;
        }
        let (path, id) = target.split_once('#').unwrap_or((target, ""));
        let page = match path {
            "" => file.to_owned(),
            _ => file.parent().unwrap().join(path),
        };
        assert!(page.exists(), "there is no such file: {place}");
        let id = id.replace("%CE%BB", "λ");
        let known = ids.get(&page).is_none_or(|ids| ids.contains(&*id));
        assert!(id.is_empty() || known, "there is no such place: {place}");
        followed += 1;
    }
    followed
}

fn assert_only_local_urls(file: &Path, css: &str) {
    for url in css.split("url(").skip(1) {
        let url = url.split(')').next().unwrap();
        assert!(!url.contains("//"), "{}: {url}", file.display());
    }
}

/// The values of an attribute.
fn attributes<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    let begin = format!(" {name}=\"");
    let mut rest = text;
    std::iter::from_fn(move || {
        let from = rest.find(&begin)? + begin.len();
        let (value, behind) = rest[from..].split_once('"')?;
        rest = behind;
        Some(value)
    })
}
