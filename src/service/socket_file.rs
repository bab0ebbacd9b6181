//! The file of a Unix socket: made with its mode and owner, and removed at the end.

use std::fs::{self, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::unistd::{Gid, Uid};

use super::identity;
use crate::sys::{net, signal};

/// Who may connect: writing to the file is what it takes (`unix(7)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketAccess {
    /// The permission bits.
    pub mode: u32,
    /// The owner, unless it is to be the user of this process.
    pub user: Option<Uid>,
    /// The group, unless it is to be the group of this process.
    pub group: Option<Gid>,
}

impl SocketAccess {
    /// Looks up `USER[:GROUP]`. Without a group, the file has the user's.
    ///
    /// # Errors
    /// There is no such user or group.
    pub fn find(mode: u32, owner: Option<&str>) -> Result<Self, String> {
        let Some(owner) = owner else {
            let (user, group) = (None, None);
            return Ok(Self { mode, user, group });
        };
        let (user, group) = match owner.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (owner, None),
        };
        let (user, users_group) = identity::find_owner(user)?;
        let group = group.map(identity::find_group).transpose()?;
        Ok(Self {
            mode,
            user: Some(user),
            group: group.or(users_group),
        })
    }
}

/// The file of a socket that this process listens at.
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    /// Listens at `path`. The file of a server that has died is replaced; any other stays.
    ///
    /// # Errors
    /// Another server listens there, the file is no socket, or it cannot be made.
    pub fn listen(path: &Path, access: SocketAccess, backlog: i32) -> io::Result<OwnedFd> {
        remove_stale(path)?;
        let socket = net::bind_unix(path)?;
        // No client can connect before `listen`, so none does before the file has its mode.
        let prepared = lchown(
            path,
            access.user.map(Uid::as_raw),
            access.group.map(Gid::as_raw),
        )
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(access.mode)))
        .and_then(|()| Ok(net::begin_to_listen(socket, backlog)?));
        if prepared.is_err() {
            let _ = fs::remove_file(path);
        }
        prepared
    }

    /// The files at these paths, which are removed when the value is dropped. If a signal handler
    /// may end this process, it removes them too.
    pub fn of(paths: &[PathBuf], handler_ends: bool) -> Vec<Self> {
        let found = paths.iter().filter_map(|path| {
            let file = fs::symlink_metadata(path).ok()?;
            Some(Self {
                path: path.clone(),
                device: file.dev(),
                inode: file.ino(),
            })
        });
        let found: Vec<Self> = found.collect();
        if handler_ends {
            let files = found.iter().map(|it| (&*it.path, it.device, it.inode));
            signal::unlink_sockets_at_exit(files);
        }
        found
    }
}

impl Drop for SocketFile {
    /// Another server may have made another file since: that one stays.
    fn drop(&mut self) {
        let now = fs::symlink_metadata(&self.path);
        if now.is_ok_and(|now| (now.dev(), now.ino()) == (self.device, self.inode)) {
            // A process that has changed its user may not be allowed to. The next server replaces
            // the file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket at which no server listens any more: connecting is the only way to tell.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(file) if !file.file_type().is_socket() => {
            return Err(io::Error::other("a file is there that is no socket"));
        }
        Ok(_) => {}
    }
    match net::try_unix(path) {
        Err(Errno::ECONNREFUSED) => fs::remove_file(path),
        // EAGAIN: a server lives, and its accept queue is full.
        Ok(()) | Err(Errno::EAGAIN) => Err(io::ErrorKind::AddrInUse.into()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCESS: SocketAccess = SocketAccess {
        mode: 0o640,
        user: None,
        group: None,
    };

    #[test]
    fn a_stale_file_is_replaced_and_a_live_one_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let live = SocketFile::listen(&path, ACCESS, 5).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        let error = SocketFile::listen(&path, ACCESS, 5).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        drop(live);
        assert!(path.exists());
        let _live = SocketFile::listen(&path, ACCESS, 5).unwrap();
    }

    #[test]
    fn another_file_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        fs::write(&path, "text").unwrap();
        let error = SocketFile::listen(&path, ACCESS, 5).unwrap_err();
        assert!(error.to_string().contains("no socket"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "text");
        fs::remove_file(&path).unwrap();
        let _first = SocketFile::listen(&path, ACCESS, 5).unwrap();
        let files = SocketFile::of(std::slice::from_ref(&path), false);
        fs::remove_file(&path).unwrap();
        let _second = SocketFile::listen(&path, ACCESS, 5).unwrap();
        drop(files);
        assert!(path.exists());
    }
}
