//! Objects: the files, ports and processes that a worker in a sandbox can reach (`landlock(7)`).

use std::error::Error;
use std::os::fd::OwnedFd;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

/// What later versions of Landlock can restrict, in the order of the versions. Linking and renaming
/// between directories is not listed: the first version always forbids it.
const ADDED: [(ABI, &str); 4] = [
    (ABI::V3, "truncating files"),
    (ABI::V4, "TCP ports"),
    (ABI::V5, "the controls of devices"),
    (
        ABI::V6,
        "signals to other processes, and their abstract sockets",
    ),
];

/// Files below the root may be read. No other file can be opened, and no port and no process
/// outside of the sandbox can be reached. An older kernel restricts less (see [`unbounded`]); a
/// kernel without Landlock is an error.
// ANCHOR: bound_objects
pub(super) fn bound(root: Option<&OwnedFd>) -> Result<(), Box<dyn Error>> {
    // Tested with Linux 6.12 and later.
    let abi = ABI::V6;
    let bounds = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?;
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let below = |root| PathBeneath::new(root, reading);
    let exception = root.map(below).map(Ok::<_, RulesetError>);
    let status = bounds.add_rules(exception)?.restrict_self()?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err("not in this kernel".into()),
        _ => Ok(()),
    }
}
// ANCHOR_END: bound_objects

/// Whether this kernel has Landlock, found out without restricting this process.
pub(super) fn is_known() -> bool {
    demand(ABI::V1).is_ok()
}

/// What this kernel is too old to restrict.
pub(super) fn unbounded() -> Vec<&'static str> {
    unknown_to(|abi| demand(abi).is_ok())
}

fn unknown_to(knows: impl Fn(ABI) -> bool) -> Vec<&'static str> {
    let unknown = ADDED.iter().filter(|(abi, _)| !knows(*abi));
    unknown.map(|(_, what)| *what).collect()
}

/// A ruleset with all that a version can restrict, or an error.
fn demand(abi: ABI) -> Result<RulesetCreated, RulesetError> {
    let mut bounds = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(abi))?;
    if abi >= ABI::V4 {
        bounds = bounds.handle_access(AccessNet::from_all(abi))?;
    }
    if abi >= ABI::V6 {
        bounds = bounds.scope(Scope::from_all(abi))?;
    }
    bounds.create()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_does_not_restrict_is_named() {
        assert_eq!(unknown_to(|abi| abi <= ABI::V6), [""; 0]);
        let of_linux_6_2 = unknown_to(|abi| abi <= ABI::V3);
        assert_eq!(
            of_linux_6_2,
            ADDED[1..].iter().map(|it| it.1).collect::<Vec<_>>()
        );
        assert_eq!(unknown_to(|abi| abi <= ABI::V1).len(), ADDED.len());
    }
}
