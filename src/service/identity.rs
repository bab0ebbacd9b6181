//! `--user` and `--group`: the process that serves need not be root.

use std::ffi::CString;
use std::io;

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, geteuid, getgrouplist, getgroups, getresgid, getresuid};
use nix::unistd::{setgroups, setresgid, setresuid};

use crate::sys::process;

/// `setresuid(2)` and `setresgid(2)` take this ID for "leave it as it is".
const NO_CHANGE: u32 = u32::MAX;

/// The user and the groups that a process is to have. Looked up while it still may read the
/// password file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    user: Option<Uid>,
    group: Gid,
    groups: Vec<Gid>,
}

/// Which of the two options is refused, with a sentence that says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// `--user` is refused.
    User(String),
    /// `--group` is refused.
    Group(String),
}

impl Identity {
    /// Looks up a user and a group by name or number; `None` if neither is given. Without a group,
    /// a user has the group of the password file.
    ///
    /// # Errors
    /// There is no such user or group, or this process may not become it.
    pub fn find(user: Option<&str>, group: Option<&str>) -> Result<Option<Self>, Refused> {
        let group = group.map(find_group).transpose().map_err(Refused::Group)?;
        let wanted = match (user, group) {
            (None, None) => return Ok(None),
            (Some(user), group) => Self::of_user(user, group).map_err(Refused::User)?,
            (None, Some(group)) => Self {
                user: None,
                group,
                groups: vec![group],
            },
        };
        let reserved = || format!("no user or group can have the ID {NO_CHANGE}");
        if wanted.user.is_some_and(|user| user.as_raw() == NO_CHANGE) {
            return Err(Refused::User(reserved()));
        }
        if wanted.group.as_raw() == NO_CHANGE {
            return Err(Refused::Group(reserved()));
        }
        // A process that cannot read its own IDs may not change them either.
        if geteuid().is_root() || wanted.is_own().unwrap_or(false) {
            return Ok(Some(wanted));
        }
        let why = "only root can become another user".to_owned();
        Err(match user {
            Some(_) => Refused::User(why),
            None => Refused::Group(why),
        })
    }

    fn of_user(name: &str, group: Option<Gid>) -> Result<Self, String> {
        if let Some(user) = find_user(name)? {
            let group = group.unwrap_or(user.gid);
            let name = CString::new(user.name).map_err(|error| error.to_string())?;
            let groups = getgrouplist(&name, group).map_err(|error| error.to_string())?;
            return Ok(Self {
                user: Some(user.uid),
                group,
                groups,
            });
        }
        // A number without an entry in the password file has no group there either.
        let number = name
            .parse()
            .map_err(|_| format!("there is no user '{name}'"))?;
        let group = group.ok_or(format!(
            "user {number} has no entry, so give a --group, too"
        ))?;
        Ok(Self {
            user: Some(Uid::from_raw(number)),
            group,
            groups: vec![group],
        })
    }

    /// Becomes that user, for good: with root's user ID the process loses root's privileges. The
    /// kernel clears PR_SET_PDEATHSIG when the user ID changes, so it is set again.
    ///
    /// Groups come first: a process that is no longer root may not change them.
    ///
    /// # Errors
    /// EPERM, if this process may not; EAGAIN, if the user has too many processes.
    // ANCHOR: assume
    pub fn assume(&self) -> io::Result<()> {
        if self.is_own()? {
            return Ok(());
        }
        let tie = process::Tie::current()?;
        setgroups(&self.groups)?;
        setresgid(self.group, self.group, self.group)?;
        if let Some(user) = self.user {
            setresuid(user, user, user)?;
        }
        tie.renew();
        // The calls report success; this checks the result.
        match self.is_own()? {
            true => Ok(()),
            false => Err(Errno::EPERM.into()),
        }
    }

    /// Whether all IDs of this process are that user's already, and it is
    /// in none but that user's groups.
    fn is_own(&self) -> nix::Result<bool> {
        let (users, groups) = (getresuid()?, getresgid()?);
        let users = [users.real, users.effective, users.saved];
        let groups = [groups.real, groups.effective, groups.saved];
        let is_users = |group| self.groups.contains(group);
        Ok(self.user.is_none_or(|user| users == [user; 3])
            && groups == [self.group; 3]
            && getgroups()?.iter().all(is_users))
    }
    // ANCHOR_END: assume
}

/// The user of that name or, if there is none, of that number.
fn find_user(name: &str) -> Result<Option<User>, String> {
    let failed = |error: nix::Error| format!("cannot look up user '{name}': {}", error.desc());
    match (User::from_name(name).map_err(failed)?, name.parse()) {
        (None, Ok(number)) => User::from_uid(Uid::from_raw(number)).map_err(failed),
        (found, _) => Ok(found),
    }
}

/// The owner of a file: a user, by name or number, and the group of the password file.
pub(super) fn find_owner(name: &str) -> Result<(Uid, Option<Gid>), String> {
    if let Some(user) = find_user(name)? {
        return Ok((user.uid, Some(user.gid)));
    }
    let number = name
        .parse()
        .map_err(|_| format!("there is no user '{name}'"))?;
    Ok((Uid::from_raw(number), None))
}

pub(super) fn find_group(name: &str) -> Result<Gid, String> {
    let found = Group::from_name(name);
    match found.map_err(|error| format!("cannot look up group '{name}': {}", error.desc()))? {
        Some(group) => Ok(group.gid),
        None => match name.parse() {
            Ok(number) => Ok(Gid::from_raw(number)),
            Err(_) => Err(format!("there is no group '{name}'")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_identity_can_always_be_had() {
        let (user, group) = (geteuid().to_string(), nix::unistd::getegid().to_string());
        let own = Identity::find(Some(&user), Some(&group)).unwrap().unwrap();
        assert!(own.is_own().unwrap());
        own.assume().unwrap();
    }

    #[test]
    fn unknown_users_and_groups_are_refused() {
        assert_eq!(Identity::find(None, None), Ok(None));
        let refused = |user, group| match Identity::find(user, group).unwrap_err() {
            Refused::User(why) => ("user", why),
            Refused::Group(why) => ("group", why),
        };
        let own = geteuid().to_string();
        for (user, group, whom, word) in [
            (Some("no such user"), None, "user", "no such user"),
            (None, Some("no such group"), "group", "no such group"),
            (
                Some(own.as_str()),
                Some("no such group"),
                "group",
                "no such group",
            ),
            (Some("4294967000"), None, "user", "--group"),
            (Some("4294967295"), Some("0"), "user", "4294967295"),
            (None, Some("4294967295"), "group", "4294967295"),
        ] {
            let (who, complaint) = refused(user, group);
            assert_eq!(who, whom);
            assert!(complaint.contains(word), "{complaint}");
        }
    }
}
