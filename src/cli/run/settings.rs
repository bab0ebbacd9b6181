//! From the options of `servers run` to a server: they are checked, and what they name is opened.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::Args;
use super::listen::{Listening, announce};
use crate::accept::{Listener, Strategy, StrategyOptions};
use crate::cli::service::Privileges;
use crate::cli::{Command, config};
use crate::http::Limits;
use crate::scoreboard::{Description, Scoreboard};
use crate::server::{Configuration, Lifetime, PoolSettings, Server, Trigger};
use crate::service::{Preload, SocketFile, Succession, manager, status_process};
use crate::site::Site;
use crate::sys::address::Address;
use crate::sys::{panics, signal, terminal};

/// What a reload does not change: it lasts as long as the process.
pub(super) struct ProcessState {
    scoreboard: Scoreboard,
    succession: OnceLock<Succession>,
    /// Memory that was filled before the fork, for all workers to share.
    preload: Mutex<Option<Preload>>,
    /// Of `--status-bind`. Workers close it.
    pub(super) status_listener: Mutex<Option<Listener>>,
}

/// The options, checked, and what they name, opened.
pub(super) struct Settings<'g> {
    pub(super) args: Args,
    pub(super) accept: Strategy,
    strategy_options: StrategyOptions,
    trigger: Trigger,
    site: Site<'g>,
    /// The pages of `--status-bind`.
    pub(super) status_site: Option<Site<'g>>,
    pool: PoolSettings,
    rights: Privileges,
    /// Memory that is being filled and takes the place of the process's when it is full.
    loading: Mutex<Option<Preload>>,
    pub(super) process: &'g ProcessState,
}

impl Settings<'static> {
    /// The settings of a process that is about to serve.
    pub(super) fn to_start_with(args: Args) -> anyhow::Result<&'static Self> {
        let process = for_ever(ProcessState {
            scoreboard: Scoreboard::create().context("cannot share memory with workers")?,
            succession: OnceLock::new(),
            preload: Mutex::default(),
            status_listener: Mutex::default(),
        });
        process.scoreboard.limit_log_lines();
        let settings = Self::of(args, process)?;
        if !process.scoreboard.is_visible() {
            crate::log_warn!(
                "the limit on the size of files is too low for the scoreboard (RLIMIT_FSIZE): \
                 other programs, such as `servers top PID`, cannot see it; /status can"
            );
        }
        settings.finish_loading();
        Ok(for_ever(settings))
    }

    /// Serves until a signal stops the process, and leaves no pidfile behind.
    pub(super) fn serve(&'static self) -> anyhow::Result<()> {
        let served = self.begin();
        self.succession().end(served.is_ok());
        served
    }

    fn begin(&'static self) -> anyhow::Result<()> {
        let Args {
            model,
            service,
            origins,
            ..
        } = &self.args;
        model
            .check(self.args.threads.map(usize::from))
            .with_context(|| format!("cannot run {}", model.name))?;
        self.args.logs.open(origins)?;
        self.take_signals()?;
        let pidfile = service
            .take_pidfile()
            .map_err(|error| origins.blame(&["pidfile"], error))?;
        raise_descriptors();
        let Listening {
            listener,
            predecessor,
            socket_files,
        } = self.listen()?;
        let inherits = predecessor.is_some();
        self.args.start_trace(inherits)?;
        let addresses: Vec<Address> = listener.addresses().cloned().collect();
        let sockets = SocketFile::of(&socket_files, !model.has_master());
        self.process.scoreboard.describe(&Description {
            model: model.name,
            accept: self.accept.name,
            addresses: &addresses,
            queue_limit: listener.queue_limit()?,
        });
        let succession = Succession::new(model.name, pidfile, predecessor).with(sockets);
        self.process.succession.get_or_init(|| succession);
        self.listen_for_status(inherits)?;
        let status = self.status_address();
        let server = for_ever(self.server());
        if !model.has_master() {
            self.start_status_process()?;
            self.drop_privileges().map_err(anyhow::Error::msg)?;
        }
        announce(&addresses, status.as_ref())
            // The reader of the predecessor's standard output may have gone since.
            .or_else(|error| if inherits { Ok(()) } else { Err(error) })
            .context("cannot write to standard output")?;
        if !model.has_master() {
            let all: Vec<String> = addresses.iter().map(Address::url).collect();
            manager::ready(&format!("listening on {}", all.join(" ")));
        }
        // The only worker of a model with one is this process; its model does not say so.
        self.process.scoreboard.enter(0);
        server.rehearse();
        Ok((model.run)(server, listener)?)
    }
}

impl Settings<'static> {
    /// From here on SIGTERM is a graceful stop. Other processes may learn of this one only now.
    fn take_signals(&self) -> anyhow::Result<()> {
        signal::handle_stop(self.args.graceful_timeout).context("cannot handle signals")?;
        panics::log_panics();
        terminal::withhold_keyboard();
        manager::open();
        if self.args.model.has_master() {
            return signal::hold_for_master().context("cannot hold signals back");
        }
        signal::set_drain_delay(self.args.drain_delay).context("cannot share memory")?;
        signal::reopen_logs_at_usr1().context("cannot handle signals")?;
        if manager::is_there() {
            signal::outlive_hangup().context("cannot handle signals")?;
        }
        Ok(())
    }

    /// In a server without a master nothing starts it again.
    fn start_status_process(&'static self) -> anyhow::Result<()> {
        if self.has_status_process() {
            let started = status_process::start(self.args.model.name, || self.serve_status());
            started.context("cannot start a process for --status-bind")?;
        }
        Ok(())
    }
}

impl<'g> Settings<'g> {
    fn of(args: Args, process: &'g ProcessState) -> anyhow::Result<Self> {
        let rules = args.rules().map_err(|conflict| {
            let options = conflict.options;
            args.origins
                .blame(options, clap::Error::from(conflict).into())
        })?;
        let root = args.open_root()?;
        let settings = Self {
            accept: rules.accept,
            strategy_options: rules.strategy_options,
            trigger: rules.trigger,
            pool: rules.pool,
            rights: (args.service).rights(root.as_ref(), args.model, &args.origins)?,
            site: Site {
                root,
                bytes_max: args.max_bytes,
                wait_max: args.max_wait,
                status: args.status_pages(&process.scoreboard),
                extra_cpu: args.extra_cpu,
                lab: args.lab,
                scoreboard: Some(&process.scoreboard),
                is_status_only: false,
            },
            status_site: args.status_site(&process.scoreboard),
            loading: Mutex::default(),
            process,
            args,
        };
        // Last of all: if another option is wrong, the memory stays as it is.
        let loaded_mib = lock(&process.preload).as_ref().map_or(0, Preload::mib);
        let Args {
            service, origins, ..
        } = &settings.args;
        let begun = service.preload_before(loaded_mib);
        *lock(&settings.loading) = begun.map_err(|error| origins.blame(&["preload"], error))?;
        Ok(settings)
    }

    /// Fills the whole memory. Before the server listens it has nothing else to do.
    fn finish_loading(&self) {
        if let Some(mut loading) = lock(&self.loading).take() {
            loading.touch_all(|| {});
            *lock(&self.process.preload) = Some(loading);
        }
    }
}

impl Configuration for Settings<'_> {
    fn server(&self) -> Server<'_> {
        let args = &self.args;
        Server {
            handler: &self.site,
            limits: Limits {
                proxy_header: args.proxy_protocol,
                ..(&args.limits).into()
            },
            workers: args.pool.workers(),
            pool: self.pool.clone(),
            lifetime: Lifetime::default(),
            threads: args.threads.map(usize::from),
            accept: self.accept,
            strategy_options: self.strategy_options,
            connections_max: args.connections_max(),
            trigger: self.trigger,
            requeue: args.requeue as usize,
            slow: (args.slow_ms > 0).then(|| Duration::from_millis(args.slow_ms)),
            access: args.logs.access(),
            scoreboard: &self.process.scoreboard,
            configuration: self,
        }
    }

    fn drop_privileges(&self) -> Result<(), String> {
        // The children of `fork` keep the socket open: closing it would cost a system call, and a
        // copied page of memory, for each connection.
        if self.args.model.has_master() {
            manager::close();
        }
        drop(lock(&self.process.status_listener).take());
        self.rights.give_up(|| self.process.scoreboard.beat())
    }

    fn reload(&self) -> Result<Box<dyn Configuration + '_>, String> {
        let words: Vec<_> = std::env::args_os().collect();
        let cli = config::parse(&words).map_err(|error| error.to_string())?;
        let Command::Run(mut args) = cli.command else {
            return Err("this is no server".to_owned());
        };
        if args.model.name != self.args.model.name {
            return Err(format!("'{}' needs a new start", args.model.name));
        }
        args.keep_what_stays(&self.args);
        let settings = Settings::of(*args, self.process).map_err(in_one_line)?;
        signal::set_grace(settings.args.graceful_timeout);
        Ok(Box::new(settings))
    }

    fn prepare(&self, end: Instant) -> bool {
        let mut loading = lock(&self.loading);
        if loading.as_mut().is_some_and(|it| !it.touch_until(end)) {
            return false;
        }
        if let Some(loaded) = loading.take() {
            // The old memory is freed only now.
            *lock(&self.process.preload) = Some(loaded);
        }
        self.args.logs.set_level();
        true
    }

    fn has_status_process(&self) -> bool {
        self.status_site.is_some()
    }

    fn serve_status(&self) -> Result<(), String> {
        self.serve_status_alone()
    }

    fn succession(&self) -> &Succession {
        let nothing = || Succession::new(self.args.model.name, None, None);
        self.process.succession.get_or_init(nothing)
    }
}

/// A value that lives as long as the process: tasks and threads may use it to the very end.
fn for_ever<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// No code panics while it holds one of these locks.
pub(super) fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

fn in_one_line(error: anyhow::Error) -> String {
    match error.downcast_ref() {
        Some(error) => config::first_paragraph(error),
        None => format!("{error:#}"),
    }
}

/// Raises the soft limit of open files to the hard one. The soft limit is low only for programs
/// that use `select(2)`, which this one does not. If that fails, the soft limit stays.
fn raise_descriptors() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
