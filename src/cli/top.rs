//! `servers top`.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::error::ErrorKind;

use super::{duration, wrong_call};
use crate::load::{Target, TargetError};
use crate::scoreboard::{View, running};
use crate::status::Source;
use crate::sys::errors::plain;
use crate::top::{self, ReportSource, Sort, Style};

/// Watch a running server, or several: what each worker does, second by second.
///
/// By process ID it reads the memory that the workers write to, so it shows a server that has no
/// worker left to answer. By URL it asks /status once a second. Without either it takes the one
/// server of this user that runs. Given several URLs it shows how the load is distributed over the
/// hosts and their workers; a host that does not answer is shown as such until it comes back.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The server: a process ID, or http://HOST:PORT; several URLs for several hosts
    #[arg(value_name = "PID|URL")]
    servers: Vec<String>,
    /// Print one frame as text instead, after watching for --time
    #[arg(long)]
    once: bool,
    /// How long to watch before the frame of --once
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration::parse)]
    #[arg(requires = "once")]
    time: Duration,
    /// The order of the workers, and of several hosts
    #[arg(long, value_enum, default_value_t = By::Slot)]
    sort: By,
    /// Columns of the frame of --once [default: the terminal's, or 80]
    #[arg(long, value_name = "N", requires = "once")]
    #[arg(value_parser = clap::value_parser!(u16).range(40..=400))]
    width: Option<u16>,
}

const EXAMPLES: &str = "\
In a strip, each column is a second: the higher the bar, the longer the worker was at work in it.
─ means waiting for a connection's next request, · waiting for a connection, a gap no worker.
The letters: _ waiting, R reading, W answering, K keep-alive, C closing, L logging, G finishing,
S starting, I leaving, . no worker.

Examples:
  servers top
  servers top 4242
  servers top http://127.0.0.1:8080
  servers top --once --time 10s      one frame as text, for a log or a mail
  servers top http://10.78.0.1:8080 http://10.78.0.2:8080 http://10.78.0.3:8080
                                     a row for each host, its workers below if there is room

Exit codes: 0 done, 1 there is no such server or none of several answers, 2 the call was wrong.";

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum By {
    /// The lowest slot first; hosts as on the command line
    Slot,
    /// The most requests per second first
    Rate,
    /// The most CPU first
    Cpu,
    /// The longest at work first
    Time,
}

impl From<By> for Sort {
    fn from(by: By) -> Self {
        match by {
            By::Slot => Self::Slot,
            By::Rate => Self::Rate,
            By::Cpu => Self::Cpu,
            By::Time => Self::Time,
        }
    }
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let has_terminal = io::stdout().is_terminal() && io::stdin().is_terminal();
        if !self.once && !has_terminal {
            let message =
                "standard input and output are no terminal; --once prints a frame as text";
            wrong_call("top", ErrorKind::ArgumentConflict, message);
        }
        let style = Style {
            colour: super::wants_colour(),
            sort: self.sort.into(),
        };
        let width = self.width.unwrap_or_else(terminal_width);
        if self.servers.len() > 1 {
            let hosts = self.hosts()?;
            if self.once {
                let text = top::once_hosts(hosts, self.time, style.sort, width);
                return super::print(text.map_err(anyhow::Error::msg)?.as_bytes());
            }
            top::watch_hosts(hosts, style).context("cannot use the terminal")?;
            return Ok(ExitCode::SUCCESS);
        }
        let source = self.source()?;
        if self.once {
            let text = top::once(source, self.time, style.sort, width)?;
            return super::print(text.as_bytes());
        }
        top::watch(source, style)?;
        Ok(ExitCode::SUCCESS)
    }

    fn source(&self) -> anyhow::Result<ReportSource> {
        let Some(server) = self.servers.first() else {
            return of_process(the_only_server()?);
        };
        match server.parse() {
            Ok(pid) => of_process(pid),
            Err(_) => Ok(ReportSource::of_url(target(server)?)),
        }
    }

    /// Each host with its name in the view.
    fn hosts(&self) -> anyhow::Result<Vec<(String, ReportSource)>> {
        let hosts = self.servers.iter().map(|server| {
            if server.parse::<u32>().is_ok() {
                let message = "several servers are watched by URL: the processes of other hosts \
                    cannot be seen from here";
                wrong_call("top", ErrorKind::ValueValidation, message);
            }
            let target = target(server)?;
            Ok((target.authority.clone(), ReportSource::of_url(target)))
        });
        hosts.collect()
    }
}

fn target(server: &str) -> anyhow::Result<Target> {
    match server.parse::<Target>() {
        Ok(target) => Ok(target),
        Err(error @ TargetError::Unresolvable { .. }) => Err(error.into()),
        Err(TargetError::NoScheme(_)) => {
            let message = format!("'{server}' is neither a process ID nor http://HOST:PORT");
            wrong_call("top", ErrorKind::ValueValidation, message)
        }
        Err(error) => wrong_call("top", ErrorKind::ValueValidation, error),
    }
}

fn of_process(pid: u32) -> anyhow::Result<ReportSource> {
    let source = Source::of_process(pid)
        .map_err(|error| anyhow::anyhow!("no server to look at: {}", plain(&error)))?;
    Ok(ReportSource::of_process(source))
}

fn the_only_server() -> anyhow::Result<u32> {
    match running().context("cannot look for servers")?.as_slice() {
        [pid] => Ok(*pid),
        [] => bail!("no server of yours is running; start one with 'servers run MODEL'"),
        several => {
            let lines = several.iter().filter_map(|&pid| {
                let facts = View::of_process(pid).ok()?.facts();
                let address = facts.addresses.first().map(|it| format!(" at {it}"));
                let (model, at) = (facts.model, address.unwrap_or_default());
                Some(format!("\n  servers top {pid:<10} {model}{at}"))
            });
            let lines: String = lines.collect();
            bail!("several servers are running; say which:{lines}")
        }
    }
}

/// The width of the terminal, if standard output is one.
fn terminal_width() -> u16 {
    const COLUMNS: u16 = 80;
    match crossterm::terminal::size() {
        Ok((columns, _)) if io::stdout().is_terminal() => columns.max(40),
        _ => COLUMNS,
    }
}
