//! `servers run MODEL`: serves with one model until it is asked to stop.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context;
use clap::FromArgMatches;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::limits::LimitArgs;
use super::pool::PoolArgs;
use super::service::{Rights, ServiceArgs};
use super::{config, duration, wrong_call_error};
use crate::accept::{Listener, Manner, Pick, Strategy};
use crate::models::{self, Model};
use crate::scoreboard::{Description, Scoreboard};
use crate::serve::{Configuration, Lifetime, Pool, Server, Trigger};
use crate::service::{Preload, Succession, inherited, manager};
use crate::site::{OpenTo, Root, Site, StatusPages};
use crate::status::Source;
use crate::sys::errors::plain;
use crate::sys::signal;

/// Serve with one model until SIGTERM, SIGINT or SIGQUIT.
///
/// The first line on standard output says where: `listening on http://ADDR:PORT`. SIGTERM lets
/// requests in flight and those in the accept queue finish; a second one stops by force. SIGINT
/// and SIGQUIT stop at once. Models with a master know SIGHUP (replace all workers, a few at a
/// time), SIGTTIN and SIGTTOU (one worker more, one fewer).
#[derive(clap::Args)]
#[command(after_help = "Examples:
  servers run prefork
  servers run prefork --bind 0.0.0.0:80 --workers 16 --root /srv/www
  servers run prefork --pool dynamic --workers 64 --min-spare 5 --max-spare 10
  servers run threaded --bind 127.0.0.1:0        let the system pick a port
  servers run fork --max-connections 100
  servers run prefork --accept pass --pick first
  servers run epoll --trigger edge
  servers run event --workers 2 --accept exclusive --requeue 0

Exit codes: 0 stopped in good order, 1 it failed or was stopped by force, 2 the call was wrong.")]
pub(super) struct Args {
    /// The model; `servers list` describes them.
    #[arg(value_name = "MODEL", value_parser = model_parser())]
    model: &'static Model,

    /// Address and port to listen on; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    #[arg(value_parser = parse_address)]
    bind: SocketAddr,

    /// Threads of each process, for models with a fixed number of them [default: 8; async: one
    /// for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,

    /// How the workers share the port [default: the model's own; see `servers list`].
    #[arg(long, value_name = "STRATEGY", value_parser = strategy_parser())]
    accept: Option<Strategy>,

    /// With --accept pass: whom the master passes the next connection to [default: round-robin].
    #[arg(long, value_name = "RULE", value_parser = pick_parser())]
    pick: Option<Pick>,

    /// With --accept mutex: one that stays locked when its holder dies, to see why it should not.
    #[arg(long, hide = true)]
    plain_mutex: bool,

    /// When epoll reports a connection, for models that wait with it [default: level].
    #[arg(long, value_name = "TRIGGER", value_parser = trigger_parser())]
    trigger: Option<Trigger>,

    /// With --accept exclusive, let the others go before after this many connections; 0 for never.
    #[arg(long, value_name = "N", default_value_t = 16)]
    requeue: u32,

    /// Connections served at once, by each process of an event loop; 503 beyond it [default: 1024;
    /// for event loops, as many as there may be descriptors].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: Option<u32>,

    /// Connections that may wait to be accepted (the kernel caps it at net.core.somaxconn).
    #[arg(long, value_name = "N", default_value_t = 511)]
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    backlog: i32,

    /// How long requests in flight may take after the wish to stop.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    graceful_timeout: Duration,

    /// Directory to serve below /files/.
    #[arg(long, value_name = "DIR", help_heading = "The site")]
    root: Option<PathBuf>,

    /// The most octets that /bytes sends.
    #[arg(long, value_name = "OCTETS", default_value_t = Site::default().bytes_max)]
    #[arg(help_heading = "The site")]
    max_bytes: u64,

    /// The longest that /sleep and /cpu hold a worker.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration::parse)]
    #[arg(help_heading = "The site")]
    max_wait: Duration,

    /// Add /crash, /hang and /spin, which crash or wedge whoever serves them, and /intruder, which
    /// tries what should be forbidden: to see what a server makes of it.
    #[arg(long, help_heading = "The site")]
    lab: bool,

    /// Who may see /status and /metrics.
    #[arg(
        long,
        value_name = "WHO",
        default_value = "local",
        help_heading = "The status"
    )]
    status: ShowTo,

    /// Count and log requests that take longer than this from arrival to answer; 0 for none.
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        help_heading = "The status"
    )]
    slow_ms: u64,

    #[command(flatten)]
    pool: PoolArgs,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    service: ServiceArgs,
}

/// Who may see the status pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ShowTo {
    /// Clients on this machine; behind a proxy on this machine, that is everybody
    Local,
    /// Everybody
    Anyone,
    /// Nobody
    Nobody,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let check = self.service.check;
        let ground = for_ever(Ground {
            scoreboard: Scoreboard::create().context("cannot share memory with workers")?,
            succession: OnceLock::new(),
        });
        let settings = for_ever(Settings::of(self, ground)?);
        if check {
            return Ok(ExitCode::SUCCESS);
        }
        let served = settings.serve();
        settings.succession().end();
        served?;
        Ok(ExitCode::SUCCESS)
    }

    /// Takes over what cannot change while the server runs, and says so where a change was wanted.
    fn keep_what_stays(&mut self, old: &Self) {
        keep("bind", &mut self.bind, old.bind);
        keep("backlog", &mut self.backlog, old.backlog);
        keep("accept", &mut self.accept, old.accept);
        keep("threads", &mut self.threads, old.threads);
        keep("pick", &mut self.pick, old.pick);
        if self.strategy().is_ok_and(|it| it == Strategy::Reuseport) {
            // There are as many accept queues as there were workers.
            keep("workers", &mut self.pool.workers, old.pool.workers);
        }
        let pidfile = old.service.pidfile.clone();
        keep("pidfile", &mut self.service.pidfile, pidfile);
    }

    /// What was asked for, if the model has it, or the model's default.
    fn strategy(&self) -> Result<Strategy, clap::Error> {
        let known = self.model.strategies;
        let Some(wanted) = self.accept else {
            return Ok(known.first().copied().unwrap_or(Strategy::Shared));
        };
        if !known.contains(&wanted) {
            let names: Vec<&str> = known.iter().map(|strategy| strategy.name()).collect();
            let (model, wanted) = (self.model.name, wanted.name());
            let message = format!(
                "{model} has no --accept {wanted}; it can do: {}",
                names.join(", ")
            );
            return Err(wrong_call_error("run", ErrorKind::ValueValidation, message));
        }
        Ok(wanted)
    }

    /// The details of the strategy, as far as it has any.
    fn manner(&self, accept: Strategy) -> Result<Manner, clap::Error> {
        let misplaced = |option, strategy: Strategy| {
            let name = strategy.name();
            let message = format!("{option} needs --accept {name}");
            Err(wrong_call_error(
                "run",
                ErrorKind::ArgumentConflict,
                message,
            ))
        };
        if self.pick.is_some() && accept != Strategy::Pass {
            return misplaced("--pick", Strategy::Pass);
        }
        if self.plain_mutex && accept != Strategy::Mutex {
            return misplaced("--plain-mutex", Strategy::Mutex);
        }
        Ok(Manner {
            pick: self.pick.unwrap_or_default(),
            plain_mutex: self.plain_mutex,
        })
    }

    fn status_pages(&self, scoreboard: &Scoreboard) -> Option<StatusPages> {
        let open_to = match self.status {
            ShowTo::Local => OpenTo::Local,
            ShowTo::Anyone => OpenTo::Anyone,
            ShowTo::Nobody => return None,
        };
        Some(StatusPages {
            source: Source::of_server(scoreboard),
            open_to,
        })
    }

    /// What was asked for, if the model waits with epoll at all.
    fn trigger(&self) -> Result<Trigger, clap::Error> {
        if let Some(wanted) = self.trigger
            && !self.model.triggers().contains(&wanted)
        {
            let known = models::ALL.iter().filter(|it| !it.triggers().is_empty());
            let names: Vec<&str> = known.map(|model| model.name).collect();
            let (model, names) = (self.model.name, names.join(" and "));
            let message = format!("{model} has no --trigger; {names} have it");
            return Err(wrong_call_error("run", ErrorKind::ValueValidation, message));
        }
        Ok(self.trigger.unwrap_or(Trigger::Level))
    }

    /// A process or thread for each connection is worth a limit; a few kilobytes are not.
    fn connections_max(&self) -> usize {
        match self.max_connections {
            Some(wanted) => wanted as usize,
            None if self.model.holds_all() => usize::MAX,
            None => 1024,
        }
    }

    fn open_root(&self) -> anyhow::Result<Option<Root>> {
        let Some(path) = &self.root else {
            return Ok(None);
        };
        let root = Root::open(path)
            .with_context(|| format!("cannot serve files from --root {}", path.display()))?;
        Ok(Some(root))
    }
}

fn in_one_line(error: anyhow::Error) -> String {
    match error.downcast_ref() {
        Some(error) => config::first_paragraph(error),
        None => format!("{error:#}"),
    }
}

/// Sets `value` back to `old`.
fn keep<T: PartialEq>(key: &str, value: &mut T, old: T) {
    if *value != old {
        crate::log!("reload: a new value for '{key}' needs a new start; the old one stays");
        *value = old;
    }
}

/// What stays the same for as long as the process runs, whatever its configuration becomes.
struct Ground {
    scoreboard: Scoreboard,
    succession: OnceLock<Succession>,
}

/// The options, checked, and what they name, opened.
struct Settings<'g> {
    args: Args,
    accept: Strategy,
    manner: Manner,
    trigger: Trigger,
    site: Site<'g>,
    pool: Pool,
    rights: Rights,
    ground: &'g Ground,
    _preload: Option<Preload>,
}

impl Settings<'static> {
    /// Serves until the wish to stop.
    fn serve(&'static self) -> anyhow::Result<()> {
        let Args { model, service, .. } = &self.args;
        (model.check()).with_context(|| format!("cannot run {}", model.name))?;
        // From here on a signal means a graceful stop, so nobody may learn of us before.
        signal::handle_stop(self.args.graceful_timeout).context("cannot handle signals")?;
        if model.has_master() {
            signal::hold_for_master().context("cannot hold signals back")?;
        }
        let pidfile = service.take_pidfile()?;
        raise_descriptors();
        let (listener, inherits) = self.listen()?;
        self.ground.scoreboard.describe(&Description {
            model: model.name,
            accept: self.accept.name(),
            address: listener.address()?,
            queue_limit: listener.queue_limit()?,
        });
        let succession = Succession::new(model.name, pidfile, inherits);
        self.ground.succession.get_or_init(|| succession);
        let server = for_ever(self.server());
        if !model.has_master() {
            self.give_up_rights().map_err(anyhow::Error::msg)?;
        }
        announce(&listener)
            // Whoever read that of the predecessor may have gone since.
            .or_else(|error| if inherits { Ok(()) } else { Err(error) })
            .context("cannot write to standard output")?;
        if !model.has_master() {
            manager::ready();
        }
        // Where there is but one worker it is this process, without a word from the model.
        self.ground.scoreboard.enter(0);
        server.rehearse();
        Ok((model.run)(server, listener)?)
    }
}

impl<'g> Settings<'g> {
    fn of(args: Args, ground: &'g Ground) -> anyhow::Result<Self> {
        let root = args.open_root()?;
        if args.service.preloads_in_workers() && !args.model.has_master() {
            let message = format!("{} has no workers that could preload", args.model.name);
            return Err(wrong_call_error("run", ErrorKind::ArgumentConflict, message).into());
        }
        let accept = args.strategy()?;
        Ok(Self {
            accept,
            trigger: args.trigger()?,
            manner: args.manner(accept)?,
            pool: args.pool.rules(args.model, accept, args.graceful_timeout)?,
            rights: args
                .service
                .rights(root.as_ref(), args.model.name == "uring")?,
            site: Site {
                root,
                bytes_max: args.max_bytes,
                wait_max: args.max_wait,
                status: args.status_pages(&ground.scoreboard),
                lab: args.lab,
                scoreboard: Some(&ground.scoreboard),
            },
            ground,
            _preload: args.service.preload_before()?,
            args,
        })
    }

    /// The port that was inherited or, usually, that is to be opened; and whether it comes from a
    /// master that this one is to replace.
    fn listen(&self) -> anyhow::Result<(Listener, bool)> {
        let Args {
            bind,
            backlog,
            model,
            ..
        } = self.args;
        let inherited = inherited::take().context("cannot take over what was inherited")?;
        let Some(inherited) = inherited else {
            let listener =
                Listener::bind(bind, backlog).map_err(|error| explain_bind(bind, error))?;
            return Ok((listener, false));
        };
        let predecessor = inherited.model.as_deref();
        if predecessor.is_some_and(|name| name != model.name) {
            anyhow::bail!("{} cannot replace another model", model.name);
        }
        let sockets = inherited.listeners.into_iter().map(Listener::adopt);
        let mut listeners = sockets.collect::<io::Result<Vec<_>>>()?;
        let most = match self.accept {
            // Where nobody accepts from one of them, its clients would wait for ever.
            Strategy::Reuseport => self.args.pool.workers(),
            _ => 1,
        };
        if listeners.len() > most {
            let count = listeners.len();
            anyhow::bail!("{count} listeners were handed over, and this server has {most}");
        }
        let first = listeners.remove(0);
        Ok((first.with(listeners), predecessor.is_some()))
    }
}

impl Configuration for Settings<'_> {
    fn server(&self) -> Server<'_> {
        let args = &self.args;
        Server {
            handler: &self.site,
            limits: (&args.limits).into(),
            workers: args.pool.workers(),
            pool: self.pool.clone(),
            lifetime: Lifetime::default(),
            threads: args.threads.map(usize::from),
            accept: self.accept,
            manner: self.manner,
            connections_max: args.connections_max(),
            trigger: self.trigger,
            requeue: args.requeue as usize,
            slow: (args.slow_ms > 0).then(|| Duration::from_millis(args.slow_ms)),
            scoreboard: &self.ground.scoreboard,
            configuration: self,
        }
    }

    fn give_up_rights(&self) -> Result<(), String> {
        self.rights.give_up()
    }

    fn reload(&self) -> Result<Box<dyn Configuration + '_>, String> {
        let words: Vec<_> = std::env::args_os().collect();
        let cli = config::parse(&words).map_err(|trouble| trouble.to_string())?;
        let super::Command::Run(mut args) = cli.command else {
            return Err("this is no server".to_owned());
        };
        if args.model.name != self.args.model.name {
            return Err(format!("'{}' needs a new start", args.model.name));
        }
        args.keep_what_stays(&self.args);
        let settings = Settings::of(*args, self.ground).map_err(in_one_line)?;
        signal::set_grace(settings.args.graceful_timeout);
        Ok(Box::new(settings))
    }

    fn succession(&self) -> &Succession {
        let nothing = || Succession::new(self.args.model.name, None, false);
        self.ground.succession.get_or_init(nothing)
    }
}

/// A value that lives as long as the process: whoever serves may need it to the very end.
fn for_ever<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Reads what follows `servers run`: the model, and which options were given. What they mean
/// together is not looked at; `--check` does that.
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
    /// Whether the option of this name was given and is not a default.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.value_source(name) == Some(ValueSource::CommandLine)
    }
}

/// Names and aliases from the registry, so that a misspelt one gets a suggestion.
pub(super) fn model_parser() -> impl TypedValueParser<Value = &'static Model> {
    let names = models::ALL.iter().map(|model| {
        PossibleValue::new(model.name)
            .aliases(model.aliases)
            .help(model.summary)
    });
    PossibleValuesParser::new(names).map(|name| {
        models::find(&name).expect("clap only lets names through that come from the registry")
    })
}

/// The names of all strategies; which of them a model has is its own affair.
pub(super) fn strategy_parser() -> impl TypedValueParser<Value = Strategy> {
    let names =
        Strategy::ALL.map(|strategy| PossibleValue::new(strategy.name()).help(strategy.summary()));
    PossibleValuesParser::new(names).map(|name| {
        let known = Strategy::ALL.into_iter().find(|it| it.name() == name);
        known.expect("clap only lets names through that come from the list")
    })
}

/// The rules of `--accept pass`.
fn pick_parser() -> impl TypedValueParser<Value = Pick> {
    let names = Pick::ALL.map(|pick| PossibleValue::new(pick.name()).help(pick.summary()));
    PossibleValuesParser::new(names).map(|name| {
        let known = Pick::ALL.into_iter().find(|it| it.name() == name);
        known.expect("clap only lets names through that come from the list")
    })
}

/// The names of the triggers; whether a model has them is its own affair.
fn trigger_parser() -> impl TypedValueParser<Value = Trigger> {
    let names =
        Trigger::ALL.map(|trigger| PossibleValue::new(trigger.name()).help(trigger.summary()));
    PossibleValuesParser::new(names).map(|name| {
        let known = Trigger::ALL.into_iter().find(|it| it.name() == name);
        known.expect("clap only lets names through that come from the list")
    })
}

/// Takes as many descriptors as the system lets it: raises the soft limit to the hard one. The soft
/// one is low for the sake of programs that use `select(2)`, which this one does not.
///
/// Where that fails, the limit is what it was: nothing that would have to be said.
fn raise_descriptors() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// Names are not resolved: one may stand for several addresses, and a server has one listener.
fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "should be an address and a port in digits, as in 127.0.0.1:8080 or [::1]:0")
}

/// The first line of standard output: scripts wait for it.
fn announce(listener: &Listener) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{}", listener.address()?)?;
    out.flush()
}

/// The usual reasons why a port cannot be had, with what to do about them.
fn explain_bind(address: SocketAddr, error: io::Error) -> anyhow::Error {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => "; another server has this port: choose one with --bind",
        io::ErrorKind::PermissionDenied => "; ports below 1024 need privileges: choose another",
        io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
        _ => "",
    };
    anyhow::anyhow!("cannot listen on {address}: {}{hint}", plain(&error))
}
