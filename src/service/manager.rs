//! Word to the service manager: `sd_notify(3)`. Without one, that is without NOTIFY_SOCKET in the
//! environment, nothing is said.

use std::time::Duration;

use sd_notify::NotifyState;

/// Requests are answered from now on.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The configuration is being read again; [`ready`] ends it. The time is what tells the manager
/// which of several reloads is meant (`systemd.service(5)`, `Type=notify-reload`).
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => crate::log!("cannot read the clock: {error}"),
    }
}

/// No request is begun any more.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// From now on another process is the service's main one.
pub fn handed_over_to(pid: u32) {
    tell(&[NotifyState::MainPid(pid)]);
}

/// All is well. To be said at least every [`watchdog`].
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often the manager wants to hear that all is well: half the time after which it restarts the
/// service, as `sd_watchdog_enabled(3)` advises.
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        crate::log!("cannot tell the service manager: {error}");
    }
}
