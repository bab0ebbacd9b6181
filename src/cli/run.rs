//! `servers run MODEL`: serves with one model until it is asked to stop.

mod kept;
mod listen;
mod rules;
mod settings;
mod status_port;
mod values;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::FromArgMatches;
use clap::parser::ValueSource;

use super::config::Origins;
use super::duration;
use super::limits::LimitArgs;
use super::logs::LogArgs;
use super::pool::PoolArgs;
use super::service::ServiceArgs;
use crate::accept::{Pick, Strategy};
use crate::models::Model;
use crate::scoreboard::Scoreboard;
use crate::server::Trigger;
use crate::service::SocketAccess;
use crate::site::{OpenTo, Root, Site, StatusPages};
use crate::status::Source;
use crate::sys::private;
use crate::trace::{self, RECORDS_MAX, Recorder, Side};

use settings::Settings;
pub(super) use values::name_models;
pub(super) use values::strategy_parser;
use values::trigger_parser;
use values::{Bind, model_parser, parse_bind, parse_mode, parse_status_bind, pick_parser};

/// Serve with one model until SIGTERM, SIGINT or SIGQUIT.
///
/// The first line on standard output is `listening on http://ADDR:PORT`. After SIGTERM the server
/// answers the requests in flight and those in the accept queue; a second SIGTERM stops it by
/// force. SIGINT and SIGQUIT stop it at once. A master also handles SIGHUP (replace all workers, a
/// few at a time), SIGUSR2 (start a successor from the program on disk), SIGWINCH (let all workers
/// leave), SIGTTIN and SIGTTOU (one worker more, one fewer). At SIGUSR1 every server opens its log
/// files anew.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  servers run prefork
  servers run prefork --bind 0.0.0.0:80 --workers 16 --root /srv/www
  servers run prefork --pool dynamic --workers 64 --min-spare 5 --max-spare 10
  servers run threaded --bind 127.0.0.1:0        let the system pick a port
  servers run event --bind :80 --bind '[::]:80' --bind unix:/run/servers.sock
  servers run fork --max-connections 100
  servers run prefork --accept pass --pick first
  servers run epoll --trigger edge
  servers run event --workers 2 --accept exclusive --requeue 0
  servers run prefork --status-bind 127.0.0.1:9100
  servers run worker --log-file /var/log/servers.log --access-log /var/log/access.log

Exit codes: 0 stopped in good order, 1 it failed or was stopped by force, 2 the call was wrong.")]
pub(super) struct Args {
    /// The model; `servers list` describes them.
    #[arg(value_name = "MODEL", value_parser = model_parser())]
    model: &'static Model,

    /// Where to listen: ADDR:PORT, NAME:PORT, :PORT for every IPv4 address of this machine, PORT
    /// for 127.0.0.1, or unix:PATH. May be given several times. Of several addresses of a name the
    /// first that works is taken; port 0 picks a free port.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    #[arg(value_parser = parse_bind)]
    bind: Vec<Bind>,

    /// The permissions of the file of a Unix socket: who may write to it may connect [default:
    /// 660].
    #[arg(long, value_name = "MODE", value_parser = parse_mode)]
    socket_mode: Option<u32>,

    /// The owner of that file [default: the user and group that the server starts as].
    #[arg(long, value_name = "USER[:GROUP]")]
    socket_owner: Option<String>,

    /// Threads of each process, for models with a fixed number of them [default: 8; async: one
    /// for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,

    /// How the workers share the port [default: the model's own; see `servers list`].
    #[arg(long, value_name = "STRATEGY", value_parser = strategy_parser())]
    accept: Option<Strategy>,

    /// With --accept pass: which worker gets the next connection [default: round-robin].
    #[arg(long, value_name = "RULE", value_parser = pick_parser())]
    pick: Option<Pick>,

    /// With --accept mutex: a mutex that stays locked when its holder dies, to show what follows.
    #[arg(long, hide = true)]
    plain_mutex: bool,

    /// When epoll reports a connection, for models that wait with it [default: level].
    #[arg(long, value_name = "TRIGGER", value_parser = trigger_parser())]
    trigger: Option<Trigger>,

    /// With --accept exclusive: go to the end of the queue of waiters after this many connections;
    /// 0 for never.
    #[arg(long, value_name = "N", default_value_t = 16)]
    requeue: u32,

    /// Connections served at a time; one more is answered with 503. For event loops, of each
    /// process [default: 1024; for event loops, as many as there may be descriptors].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: Option<u32>,

    /// Every connection begins with a header of the PROXY protocol, version 1 or 2, and the logs
    /// have the client that it names. A connection without one is closed. Use it only where clients
    /// cannot reach the port: a client that can may name any address.
    #[arg(long)]
    proxy_protocol: bool,

    /// Connections that may wait to be accepted (the kernel caps it at net.core.somaxconn).
    #[arg(long, value_name = "N", default_value_t = 511)]
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    backlog: i32,

    /// How long requests in flight may take after SIGTERM, and in a worker that a reload replaces.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    graceful_timeout: Duration,

    /// Put a graceful stop off for this time: the server goes on, but /ready and /status answer
    /// 503, so that a load balancer sends clients elsewhere. A second signal ends the delay.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration::parse)]
    drain_delay: Duration,

    /// Directory to serve below /files/.
    #[arg(long, value_name = "DIR", help_heading = "The site")]
    root: Option<PathBuf>,

    /// The most bytes that /bytes sends.
    #[arg(long, value_name = "BYTES", default_value_t = Site::default().bytes_max)]
    #[arg(help_heading = "The site")]
    max_bytes: u64,

    /// The longest that /sleep and /cpu hold a worker.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration::parse)]
    #[arg(help_heading = "The site")]
    max_wait: Duration,

    /// CPU time that every answer costs in addition, such as 5us: a known difference, to see
    /// whether a measurement finds it.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration::parse)]
    #[arg(help_heading = "The site")]
    extra_cpu: Duration,

    /// Add routes to see how a server handles faults: /crash, /hang and /spin crash or block their
    /// worker, the handler of /panic panics, /leak keeps memory, and /sandbox-probe tries what a
    /// sandbox should forbid.
    #[arg(long, help_heading = "The site")]
    lab: bool,

    /// Who may see /status and /metrics at --bind [default: local; off with --status-bind and
    /// with --proxy-protocol].
    #[arg(long, value_name = "WHO", help_heading = "The status")]
    status: Option<ShowTo>,

    /// Serve /status, /metrics and /ready at this address, too, in a process of its own: it answers
    /// when all workers are busy. Every client that can reach the address sees them.
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_status_bind)]
    #[arg(help_heading = "The status")]
    status_bind: Option<Bind>,

    /// Count and log requests that take longer than this, from arrival to answer; 0 for none.
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        help_heading = "The status"
    )]
    slow_ms: u64,

    /// Write what happens to each connection, as a line each: accepted, taken by a worker, handed
    /// to the handler, answered, closed. `servers trace` draws it.
    #[arg(long, value_name = "FILE", help_heading = "The status")]
    trace: Option<PathBuf>,

    /// The most lines of a trace.
    #[arg(long, value_name = "N", default_value_t = RECORDS_MAX, help_heading = "The status")]
    trace_limit: u64,

    #[command(flatten)]
    pool: PoolArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    service: ServiceArgs,

    #[command(flatten)]
    logs: LogArgs,

    /// Which options come from a file.
    #[arg(skip)]
    pub(super) origins: Origins,
}

/// The default of `--socket-mode`: the server's user and group may connect.
const SOCKET_MODE: u32 = 0o660;

/// Who may see the status pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ShowTo {
    /// Clients on this machine; behind a proxy on this machine, that is every client
    Local,
    /// Every client
    Anyone,
    /// No client: both answer 404
    #[value(alias = "nobody")]
    Off,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        private::note_inherited();
        let check = self.service.check;
        let settings = Settings::to_start_with(self)?;
        if check {
            return Ok(ExitCode::SUCCESS);
        }
        settings.serve()?;
        Ok(ExitCode::SUCCESS)
    }

    fn status_pages(&self, scoreboard: &Scoreboard) -> Option<StatusPages> {
        // With an address of its own for the status, the other one shows only what clients need.
        // Behind a balancer every client seems to be where the balancer is.
        let by_default = match self.status_bind {
            None if !self.proxy_protocol => ShowTo::Local,
            _ => ShowTo::Off,
        };
        let open_to = match self.status.unwrap_or(by_default) {
            ShowTo::Local => OpenTo::Local,
            ShowTo::Anyone => OpenTo::Anyone,
            ShowTo::Off => return None,
        };
        let source = self.status_source(scoreboard);
        Some(StatusPages { source, open_to })
    }

    fn status_source(&self, scoreboard: &Scoreboard) -> Source {
        match self.service.sandbox {
            true => Source::of_sandboxed_server(scoreboard),
            false => Source::of_server(scoreboard),
        }
    }

    /// A connection that takes a process or a thread needs a limit. For an event loop it takes a
    /// few kilobytes, and the number of descriptors is limit enough.
    fn connections_max(&self) -> usize {
        match self.max_connections {
            Some(wanted) => wanted as usize,
            None if self.model.holds_all_clients => usize::MAX,
            None => 1024,
        }
    }

    /// The mode and the owner of the files of Unix sockets.
    fn socket_access(&self) -> anyhow::Result<SocketAccess> {
        let mode = self.socket_mode.unwrap_or(SOCKET_MODE);
        let access = SocketAccess::find(mode, self.socket_owner.as_deref());
        access.map_err(|why| {
            let error = anyhow::anyhow!("cannot use --socket-owner: {why}");
            self.origins.blame(&["socket-owner"], error)
        })
    }

    /// Begins the trace, before the first fork and the first thread. A successor goes on in the
    /// file of its predecessor.
    fn start_trace(&self, is_successor: bool) -> anyhow::Result<()> {
        let Some(path) = &self.trace else {
            return Ok(());
        };
        let (limit, model) = (self.trace_limit, self.model.name);
        let recorder = Recorder::create(path, limit, is_successor, Side::Server, model)
            .with_context(|| format!("cannot write --trace {}", path.display()))
            .map_err(|error| self.origins.blame(&["trace"], error))?;
        trace::start(recorder);
        Ok(())
    }

    fn open_root(&self) -> anyhow::Result<Option<Root>> {
        let Some(path) = &self.root else {
            return Ok(None);
        };
        let root = Root::open(path)
            .with_context(|| format!("cannot serve files from --root {}", path.display()))
            .map_err(|error| self.origins.blame(&["root"], error))?;
        Ok(Some(root))
    }
}

/// Reads the words after `servers run`: the model, and which options were given. Whether they go
/// together is left to `--check`.
///
/// # Errors
/// What `servers run` would say to it.
pub(super) fn read(arguments: &[String]) -> Result<(&'static Model, Given), clap::Error> {
    let mut root = super::command();
    root.build();
    let run = root.find_subcommand("run");
    let run = run.expect("run is one of the subcommands").clone();
    let matches = run.no_binary_name(true).try_get_matches_from(arguments)?;
    let args = Args::from_arg_matches(&matches)?;
    Ok((args.model, Given(matches)))
}

/// The options of a command line.
pub(super) struct Given(clap::ArgMatches);

impl Given {
    /// Whether the option of this name stands on the command line.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.value_source(name) == Some(ValueSource::CommandLine)
    }
}
