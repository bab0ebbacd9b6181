//! The labs that come with the program. The build lists the files of `chapters/labs/`, so that a
//! new lab is a new file and nothing else.

use super::definition::Definition;
use super::problem::Problem;

// `FILES`: the name of each lab, and the text of its file.
include!(concat!(env!("OUT_DIR"), "/labs.rs"));

/// Every lab, in the order of the book's chapters.
///
/// # Errors
/// A file is wrong. A test keeps that from being released.
pub fn all() -> Result<Vec<Definition>, Problem> {
    let read = FILES
        .iter()
        .map(|(name, text)| Definition::parse(name, text));
    let mut all: Vec<Definition> = read.collect::<Result<_, _>>()?;
    all.sort_by(|a, b| (&a.chapter, &a.name).cmp(&(&b.chapter, &b.name)));
    Ok(all)
}

/// The lab of this name.
///
/// # Errors
/// Its file is wrong.
pub fn named(name: &str) -> Result<Option<Definition>, Problem> {
    let found = FILES.iter().find(|(other, _)| *other == name);
    found
        .map(|(name, text)| Definition::parse(name, text))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_right_and_found_by_its_name() {
        let all = all().unwrap();
        assert!(!all.is_empty());
        for lab in all {
            assert_eq!(named(&lab.name).unwrap(), Some(lab));
        }
        assert_eq!(named("no-such-lab").unwrap(), None);
    }
}
