//! What all workers of a generation start with, and the life of one of them in its own process.

use std::io;

use super::worker::{Assignment, Work, Worker};
use crate::accept::SharedListeners;
use crate::server::Server;

/// The configuration that the next workers serve with, and the model's code that they run.
pub(super) struct WorkerContext<'a> {
    pub(super) server: Server<'a>,
    pub(super) work: Work,
}

impl WorkerContext<'_> {
    /// Requests that the next worker may answer; 0 for no limit. The master draws the number:
    /// children inherit the state of the generator, so all of them would draw the same.
    pub(super) fn draw_max_requests(&self) -> u64 {
        let settings = &self.server.pool;
        match settings.max_requests {
            0 => 0,
            requests => requests.saturating_add(fastrand::u64(0..=settings.max_requests_jitter)),
        }
    }

    /// A worker's whole life, in the child. Returns its exit code.
    pub(super) fn run_worker(
        &self,
        assignment: Assignment,
        listeners: &mut SharedListeners,
        max_requests: u64,
    ) -> i32 {
        // A session of its own has no controlling terminal: a worker that a client controls could
        // write commands into the terminal of the shell that started the master (TIOCSTI).
        let _ = nix::unistd::setsid();
        self.server.scoreboard.enter(assignment.slot);
        self.server.lifetime.begin(max_requests);
        match self.serve(assignment, listeners) {
            Ok(()) => 0,
            Err(error) => {
                crate::log!("worker: {error}");
                1
            }
        }
    }

    /// Privileges (the user, the right to open files) are dropped after the worker has opened what
    /// it needs and before it accepts its first connection.
    fn serve(&self, assignment: Assignment, listeners: &mut SharedListeners) -> io::Result<()> {
        let Self { server, work } = self;
        let acceptor = listeners.acceptor(assignment.slot, assignment.index)?;
        let dropped = server.configuration.drop_privileges();
        dropped.map_err(io::Error::other)?;
        work(&Worker {
            server,
            acceptor,
            assignment,
        })
    }
}
