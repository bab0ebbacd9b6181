//! A sandbox restricts one thread and those that it starts, so each test puts a thread into one.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;

use nix::errno::Errno;
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::getppid;

use super::*;
use crate::sys::probe;

/// Runs `work` in a sandbox around `root`.
fn confined<T: Send>(root: Option<&Path>, work: impl FnOnce() -> T + Send) -> T {
    let root = root.map(|root| File::open(root).unwrap().into());
    let sandbox = Sandbox {
        root,
        uring: false,
        forks: false,
    };
    thread::scope(|scope| {
        let thread = scope.spawn(move || {
            sandbox.enter().unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

#[test]
fn files_below_the_root_can_be_read_and_no_others() {
    let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(root.path().join("below")).unwrap();
    for directory in [root.path().join("below"), outside.path().to_owned()] {
        fs::write(directory.join("file"), "text").unwrap();
    }
    let inside = root.path().join("below/file");
    let paths = [&outside.path().join("file"), Path::new("/etc/passwd")].map(Path::to_owned);
    confined(Some(root.path()), || {
        assert_eq!(fs::read_to_string(&inside).unwrap(), "text");
        for path in &paths {
            let error = fs::read_to_string(path).unwrap_err();
            assert_eq!(
                error.kind(),
                ErrorKind::PermissionDenied,
                "{}",
                path.display()
            );
        }
        let error = fs::write(&inside, "other").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
    // This thread is not in the sandbox.
    assert!(fs::read_to_string(&paths[0]).is_ok());
}

#[test]
fn without_a_root_no_file_can_be_read() {
    let error = confined(None, || File::open("/etc/passwd").unwrap_err());
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn no_program_can_be_run() {
    // The root directory, so that the program may be read.
    let error = confined(Some(Path::new("/")), || {
        Command::new("true").spawn().unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn no_port_can_be_opened_or_reached() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let error = confined(None, || TcpStream::connect(address).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let error = confined(None, || TcpListener::bind("127.0.0.1:0").unwrap_err());
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}

#[test]
fn connections_that_came_in_go_on_and_threads_can_be_made() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    confined(None, || {
        let (accepted, _) = listener.accept().unwrap();
        let served = thread::spawn(move || std::io::Write::write_all(&mut &accepted, b"served"));
        served.join().unwrap().unwrap();
    });
    let mut text = String::new();
    std::io::Read::read_to_string(&mut &client, &mut text).unwrap();
    assert_eq!(text, "served");
}

#[test]
fn calls_that_landlock_does_not_know_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "").unwrap();
    let (file, rights) = (
        File::open(&path).unwrap(),
        fs::metadata(&path).unwrap().permissions(),
    );
    confined(Some(Path::new("/")), || {
        let changes = [
            fs::set_permissions(&path, rights.clone()),
            file.set_permissions(rights.clone()),
            std::os::unix::fs::chown(&path, None, None),
            std::os::unix::fs::lchown(&path, None, None),
            file.set_modified(std::time::SystemTime::UNIX_EPOCH),
            unshare(CloneFlags::empty()).map_err(Into::into),
            sched_setaffinity(getppid(), &CpuSet::new()).map_err(Into::into),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let error = change.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EPERM), "{index}");
        }
        for (name, refused) in probe::calls(&file) {
            assert_eq!(refused, Err(Errno::EPERM), "{name}");
        }
        // A process may still set its own limits.
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    });
}
