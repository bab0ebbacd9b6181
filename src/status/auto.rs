//! `?auto`: one `key: value` a line, for programs that read Apache's status.

use std::fmt::{self, Display, Write};
use std::time::{Duration, UNIX_EPOCH};

use super::{Pool, Report, per};
use crate::scoreboard::State;

/// A report in this format. A key that Apache's `mod_status` has means the same here; the others
/// are our own.
pub(super) struct Auto<'a>(pub(super) &'a Report);

impl Display for Auto<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let it = self.0;
        let started = UNIX_EPOCH + Duration::from_millis(it.started_unix_ms);
        let uptime_s = it.uptime_s as u64;
        writeln!(out, "{}", it.address)?;
        writeln!(out, "ServerVersion: servers/{}", it.version)?;
        writeln!(out, "ServerMPM: {}", it.model)?;
        writeln!(out, "AcceptStrategy: {}", it.accept)?;
        writeln!(out, "ServerPid: {}", it.pid)?;
        writeln!(out, "RestartTime: {}", httpdate::HttpDate::from(started))?;
        writeln!(out, "ServerUptimeSeconds: {uptime_s}")?;
        writeln!(out, "Total Accesses: {}", it.requests)?;
        writeln!(out, "Total kBytes: {}", it.bytes / 1024)?;
        writeln!(out, "Total Duration: {:.0}", it.handling_s * 1e3)?;
        if let Some(cpu_s) = it.cpu_s {
            writeln!(out, "CPUSeconds: {cpu_s:.2}")?;
            writeln!(out, "CPULoad: {:.6}", per(cpu_s * 100.0, it.uptime_s))?;
        }
        if let Some(pss_bytes) = it.pss_bytes {
            writeln!(out, "PssBytes: {pss_bytes}")?;
        }
        writeln!(out, "Uptime: {uptime_s}")?;
        writeln!(out, "ReqPerSec: {:.6}", it.requests_per_s())?;
        let bytes = it.bytes as f64;
        writeln!(out, "BytesPerSec: {:.3}", per(bytes, it.uptime_s))?;
        let requests = it.requests as f64;
        writeln!(out, "BytesPerReq: {:.3}", per(bytes, requests))?;
        let duration_ms = per(it.handling_s * 1e3, requests);
        writeln!(out, "DurationPerReq: {duration_ms:.6}")?;
        // Apache does not count workers that are about to leave.
        let leaving = State::Retiring.letter();
        let leaving = it.scoreboard.chars().filter(|&letter| letter == leaving);
        let busy = it.busy.saturating_sub(leaving.count());
        writeln!(out, "BusyWorkers: {busy}")?;
        writeln!(out, "IdleWorkers: {}", it.idle)?;
        writeln!(out, "ConnsTotal: {}", it.open)?;
        writeln!(out, "ConnsBegun: {}", it.connections)?;
        if let Some(pool) = it.pool {
            write_pool(pool, out)?;
        }
        if let Some(queue) = it.queue {
            writeln!(out, "AcceptQueue: {}", queue.length)?;
            writeln!(out, "AcceptQueueLimit: {}", queue.limit)?;
        }
        writeln!(out, "SlowRequests: {}", it.slow)?;
        writeln!(out, "Rejected: {}", it.rejected)?;
        out.write_str("Scoreboard: ")?;
        out.write_str(&it.scoreboard)?;
        out.write_char('\n')
    }
}

fn write_pool(pool: Pool, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(out, "ParentServerMPMGeneration: {}", pool.generation)?;
    writeln!(out, "PoolTarget: {}", pool.target)?;
    writeln!(out, "PoolLimit: {}", pool.limit)?;
    writeln!(out, "LimitReached: {}", pool.limit_reached)?;
    writeln!(out, "WorkersStarted: {}", pool.started)?;
    writeln!(out, "WorkersCrashed: {}", pool.crashed)?;
    writeln!(out, "WorkersWedged: {}", pool.wedged)?;
    writeln!(out, "WorkersOverdue: {}", pool.overdue)?;
    writeln!(out, "ForksFailed: {}", pool.fork_failed)
}

impl Report {
    /// The report in the format of Apache's `mod_status` with `?auto`.
    pub fn auto(&self) -> String {
        Auto(self).to_string()
    }
}
