//! Options that keep their values while the server runs: a reload or an upgrade only logs new ones.

use super::Args;
use crate::server::THREADS_DEFAULT;

impl Args {
    /// Keeps the options that cannot change while the server runs, and logs those for which the new
    /// configuration asks for a change. Effective values are compared, so that writing out a
    /// default is no change.
    pub(super) fn keep_what_stays(&mut self, old: &Self) {
        let threads = |args: &Self| args.threads.map_or(THREADS_DEFAULT, usize::from);
        let kept = [
            ("bind", self.bind == old.bind),
            ("socket-mode", self.socket_mode == old.socket_mode),
            ("socket-owner", self.socket_owner == old.socket_owner),
            ("status-bind", self.status_bind == old.status_bind),
            ("backlog", self.backlog == old.backlog),
            ("accept", self.strategy().ok() == old.strategy().ok()),
            ("threads", threads(self) == threads(old)),
            (
                "pick",
                self.pick.unwrap_or_default() == old.pick.unwrap_or_default(),
            ),
            ("plain-mutex", self.plain_mutex == old.plain_mutex),
            ("log-file", self.logs.log_file == old.logs.log_file),
            ("access-log", self.logs.access_log == old.logs.access_log),
            ("pidfile", self.service.pidfile == old.service.pidfile),
            ("trace", self.trace == old.trace),
            ("trace-limit", self.trace_limit == old.trace_limit),
        ];
        self.bind.clone_from(&old.bind);
        self.socket_mode = old.socket_mode;
        self.socket_owner.clone_from(&old.socket_owner);
        self.status_bind.clone_from(&old.status_bind);
        self.backlog = old.backlog;
        self.accept = old.accept;
        self.threads = old.threads;
        self.pick = old.pick;
        self.plain_mutex = old.plain_mutex;
        self.logs.log_file.clone_from(&old.logs.log_file);
        self.logs.access_log.clone_from(&old.logs.access_log);
        self.service.pidfile.clone_from(&old.service.pidfile);
        self.trace.clone_from(&old.trace);
        self.trace_limit = old.trace_limit;
        let changed = kept.into_iter().filter(|(_, is_as_it_was)| !is_as_it_was);
        changed.for_each(|(key, _)| say_kept("reload", key));
        if self.strategy().is_ok_and(|it| it.has_queue_per_worker) {
            // There are as many accept queues as there were workers.
            if self.pool.workers() != old.pool.workers() {
                say_kept("reload", "workers");
            }
            self.pool.workers = old.pool.workers;
        }
    }
}

/// Logs that the new value of `key` does not take effect with a reload or an upgrade.
pub(super) fn say_kept(occasion: &str, key: &str) {
    crate::log_warn!("{occasion}: a new value for '{key}' needs a new start; the old one stays");
}
