//! `servers ctl`: asks a running server for a reload, an upgrade or a stop, and waits for the
//! outcome.

mod asked;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::duration;
use asked::Outcome;
use server::RunningServer;

/// Reload, upgrade or stop a running server, and wait for the outcome.
///
/// The server is found by its --pidfile. A file of a server that has ended is refused, and so is
/// the process ID of another program.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What to do.
    #[arg(value_name = "ACTION", value_enum)]
    action: Action,

    /// The server's --pidfile.
    #[arg(long, value_name = "FILE")]
    pidfile: PathBuf,

    /// How long to wait for the outcome. What was asked for goes on after that.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration::parse_some)]
    timeout: Duration,

    /// Print the outcome as a JSON object.
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  servers run prefork --pidfile /run/servers.pid
  servers ctl status --pidfile /run/servers.pid
  servers ctl reload --pidfile /run/servers.pid
  servers ctl upgrade --pidfile /run/servers.pid --timeout 5m
  servers ctl stop --pidfile /run/servers.pid --json

Exit codes: 0 done, 1 it failed, 2 the call was wrong, 3 no outcome within --timeout.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    /// SIGHUP: read the configuration again and replace all workers; done when all of them serve
    Reload,
    /// SIGUSR2, then SIGTERM: start the program that is on the disk now; done when it serves and
    /// the old process has ended
    Upgrade,
    /// SIGTERM: done when the server has ended in good order
    Stop,
    /// Say what the server does
    Status,
}

/// The object of `--json`.
#[derive(Serialize)]
struct Said<'a> {
    action: Action,
    outcome: &'static str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    elapsed_s: f64,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let began = Instant::now();
        let end = began + self.timeout;
        let (pid, outcome) = match RunningServer::find(&self.pidfile) {
            Err(why) => (None, Outcome::Failed(why)),
            Ok(server) => {
                let outcome = match self.action {
                    Action::Reload => server.reload(end),
                    Action::Upgrade => server.upgrade(end, &self.pidfile),
                    Action::Stop => server.stop(end),
                    Action::Status => server.status(),
                };
                (Some(server.pid()), outcome)
            }
        };
        let (word, detail, code) = match &outcome {
            Outcome::Done(detail) => ("done", detail, 0),
            Outcome::Failed(why) => ("failed", why, 1),
            Outcome::TimedOut(what) => ("timed out", what, 3),
        };
        if self.json {
            let said = Said {
                action: self.action,
                outcome: word,
                detail,
                pid,
                elapsed_s: began.elapsed().as_secs_f64(),
            };
            super::print((serde_json::to_string(&said)? + "\n").as_bytes())?;
        } else if code == 0 {
            super::print(format!("{detail}\n").as_bytes())?;
        } else {
            super::complain(&format!("{detail} ({word})"));
        }
        Ok(ExitCode::from(code))
    }
}
