//! The pidfile through stops, upgrades that fail, and other servers; without a second process.

use super::*;

fn id_in(path: &Path) -> u32 {
    fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

fn take(path: &Path) -> io::Result<Pidfile> {
    Pidfile::take(path, None)
}

/// What a successor does to the file of its predecessor.
fn set_aside(home: &Path) -> Flock<File> {
    let aside = home.with_extension("oldbin");
    let new = claim(&aside).unwrap();
    exchange(&aside, home).unwrap();
    new
}

#[test]
fn a_stale_file_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    fs::write(&path, "999999999999\n").unwrap();
    let _taken = take(&path).unwrap();
    assert_eq!(id_in(&path), std::process::id());
}

#[test]
fn a_failed_successors_file_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    let aside = directory.path().join("pid.oldbin");
    let mut old = take(&path).unwrap();
    // It was killed, and could not remove its file.
    drop(set_aside(&path));
    assert!(path.exists() && aside.exists());
    assert_eq!(id_in(&aside), std::process::id());
    old.put_back().unwrap();
    assert_eq!(id_in(&path), std::process::id());
    assert!(!aside.exists());
    old.put_back().unwrap();
}

#[test]
fn a_file_is_removed_under_either_name_and_a_successors_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    let aside = directory.path().join("pid.oldbin");
    let old = take(&path).unwrap();
    drop(set_aside(&path));
    drop(old);
    assert!(path.exists() && !aside.exists());
}

#[test]
fn a_file_that_another_server_has_created_is_left_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    let mut old = take(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let new = take(&path).unwrap();
    assert!(old.put_back().is_err());
    drop(old);
    assert!(path.exists());
    drop(new);
    assert!(!path.exists());
}

#[test]
fn a_link_in_the_place_of_a_successors_file_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let (path, other) = (directory.path().join("pid"), directory.path().join("other"));
    let mut old = take(&path).unwrap();
    drop(set_aside(&path));
    fs::remove_file(&path).unwrap();
    fs::write(&other, "1\n").unwrap();
    std::os::unix::fs::symlink(&other, &path).unwrap();
    let why = old.put_back().unwrap_err().to_string();
    assert!(why.contains("symbolic link"), "{why}");
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    fs::remove_file(&path).unwrap();
    old.put_back().unwrap();
    assert_eq!(id_in(&path), std::process::id());
}

#[test]
fn what_is_no_pidfile_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let (path, link) = (
        directory.path().join("c.toml"),
        directory.path().join("link"),
    );
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for (name, text) in [(&path, "workers = 4\n"), (&path, "1\n2\n"), (&link, "1\n")] {
        fs::write(&path, text).unwrap();
        take(name).unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    fs::write(&path, "").unwrap();
    take(&path).unwrap();
}
