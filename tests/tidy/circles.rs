//! Circles of imports between the files of a room. Each is either untied or defended here and in
//! ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};

use super::{code, sources, words};

/// Files that may import each other, by their module paths, with the reason.
const ALLOWED: &[(&[&str], &str)] = &[
    (
        &["models", "models::*"],
        "the registry lists the rows, and a row is of the registry's type",
    ),
    (
        &["cli", "cli::*"],
        "the root command lists the subcommands, and an error of a subcommand shows its usage, \
         which only the root command can render",
    ),
];

/// A module path, without `crate`.
type Module = Vec<String>;

/// The files of the library, by module path, with their code.
fn modules() -> BTreeMap<Module, String> {
    let mut found = BTreeMap::new();
    for source in sources("src", "rs") {
        let path = source
            .path
            .trim_start_matches("src/")
            .trim_end_matches(".rs");
        let path = path.trim_end_matches("/mod");
        let is_test = path.ends_with("tests") || path.contains("/tests/");
        if is_test || path == "main" || path == "lib" {
            continue;
        }
        let text = code(&source.text);
        // Tests may import what they like.
        let text = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        // What sees an item is no import.
        let text = text.replace("pub(in crate::", "pub(in ");
        found.insert(path.split('/').map(str::to_owned).collect(), text);
    }
    found
}

/// `a::{b, c::{d, e}}` as paths.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let Some((head, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        let names = path
            .split("::")
            .map(|name| name.trim().trim_start_matches("r#"));
        return vec![names.map(str::to_owned).collect()];
    };
    let group = group.trim_end().trim_end_matches('}');
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&group[start..]);
    let prefix = head.trim().trim_end_matches("::");
    let paths = parts.iter().filter(|part| !part.trim().is_empty());
    paths
        .flat_map(|part| expand(&format!("{prefix}::{}", part.trim())))
        .collect()
}

/// The paths that the code uses, and those that it exports again.
fn paths(code: &str) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let (mut used, mut exported) = (Vec::new(), Vec::new());
    let mut rest = String::new();
    for statement in code.split_inclusive(';') {
        let Some((before, tree)) = statement
            .rsplit_once("use ")
            .filter(|(before, _)| before.ends_with(['\n', ' ']) || before.is_empty())
        else {
            rest.push_str(statement);
            continue;
        };
        rest.push_str(before);
        let declared = before.lines().next_back().unwrap_or_default().trim();
        let list = if declared.starts_with("pub") {
            &mut exported
        } else {
            &mut used
        };
        list.extend(expand(tree.trim_end_matches(';').trim()));
    }
    // Paths within expressions and types.
    let is_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    let found = rest.split(|letter| !is_path(letter));
    let found = found.filter(|path| path.contains("::") && !path.starts_with(':'));
    used.extend(found.map(|path| words(path).map(str::to_owned).collect()));
    (used, exported)
}

/// The path from the library's root, if it leads into the library.
fn absolute(all: &BTreeMap<Module, String>, from: &Module, path: &[String]) -> Option<Module> {
    let supers = path.iter().take_while(|name| *name == "super").count();
    let (base, rest) = match path.first()?.as_str() {
        "crate" => (Module::new(), &path[1..]),
        "self" => (from.clone(), &path[1..]),
        "super" => (
            from[..from.len().checked_sub(supers)?].to_vec(),
            &path[supers..],
        ),
        _ => (from.clone(), path),
    };
    let whole = [&base[..], rest].concat();
    let is_relative = !matches!(path.first()?.as_str(), "crate" | "self" | "super");
    let child = [&from[..], &path[..1]].concat();
    (!is_relative || all.contains_key(&child)).then_some(whole)
}

/// The file that defines what a path names; names that another file exports again are followed.
fn file_of(
    all: &BTreeMap<Module, String>,
    exports: &BTreeMap<Module, BTreeMap<String, Module>>,
    path: &[String],
    depth: usize,
) -> Option<Module> {
    let length = (1..=path.len())
        .rev()
        .find(|&it| all.contains_key(&path[..it]))?;
    let (file, rest) = path.split_at(length);
    let exported = rest.first().and_then(|name| exports.get(file)?.get(name));
    match exported {
        Some(to) if depth < 8 && to != path => {
            file_of(all, exports, &[&to[..], &rest[1..]].concat(), depth + 1)
        }
        _ => Some(file.to_vec()),
    }
}

/// Which file imports which.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let all = modules();
    let mut exports: BTreeMap<Module, BTreeMap<String, Module>> = BTreeMap::new();
    for (module, code) in &all {
        for path in paths(code).1 {
            if let (Some(to), Some(name)) = (absolute(&all, module, &path), path.last()) {
                exports
                    .entry(module.clone())
                    .or_default()
                    .insert(name.clone(), to);
            }
        }
    }
    let mut found = BTreeMap::new();
    for (module, code) in &all {
        let used = paths(code).0;
        let used = used.iter().filter_map(|path| absolute(&all, module, path));
        let files = used.filter_map(|path| file_of(&all, &exports, &path, 0));
        found.insert(
            module.clone(),
            files.filter(|file| file != module).collect(),
        );
    }
    found
}

/// All files that can be reached from this one.
fn reached(imports: &BTreeMap<Module, BTreeSet<Module>>, from: &Module) -> BTreeSet<Module> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for next in &imports[file] {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    seen
}

/// Groups of files each of which can be reached from each other.
fn circles() -> Vec<BTreeSet<String>> {
    let imports = imports();
    let reached: BTreeMap<_, _> = imports
        .keys()
        .map(|it| (it, reached(&imports, it)))
        .collect();
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    for (file, others) in &reached {
        let back = others.iter().filter(|other| reached[other].contains(*file));
        let circle: BTreeSet<String> = back.map(|it| it.join("::")).collect();
        if !circle.is_empty() && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

fn is_allowed(circle: &BTreeSet<String>) -> bool {
    ALLOWED.iter().any(|(files, _)| is_among(circle, files))
}

fn is_among(circle: &BTreeSet<String>, files: &[&str]) -> bool {
    circle.iter().all(|file| {
        files.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(prefix) => file.starts_with(prefix),
            None => file == allowed,
        })
    })
}

#[test]
fn files_import_in_one_direction() {
    let found = circles();
    let refused: Vec<String> = (found.iter().filter(|it| !is_allowed(it)))
        .map(|it| it.iter().cloned().collect::<Vec<_>>().join(", "))
        .collect();
    assert!(
        refused.is_empty(),
        "circles of imports:\n{}",
        refused.join("\n")
    );
    for (files, reason) in ALLOWED {
        let is_needed = found.iter().any(|circle| is_among(circle, files));
        assert!(is_needed, "no such circle any more: {files:?}, {reason}");
    }
}

#[test]
fn trees_of_imports_are_read() {
    let tree = expand("crate::a::{self, b as c, d::{E, F}}");
    let paths: Vec<String> = tree.iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::a::self",
        "crate::a::b",
        "crate::a::d::E",
        "crate::a::d::F",
    ];
    assert_eq!(paths, expected);
    let (used, exported) = paths_of("use super::a;\npub use b::C;\nfn f() { d::e(); }");
    assert_eq!(
        (used, exported),
        (
            vec!["super::a".to_owned(), "d::e".to_owned()],
            vec!["b::C".to_owned()]
        )
    );
}

fn paths_of(code: &str) -> (Vec<String>, Vec<String>) {
    let (used, exported) = paths(code);
    let join = |paths: Vec<Vec<String>>| paths.iter().map(|it| it.join("::")).collect();
    (join(used), join(exported))
}
