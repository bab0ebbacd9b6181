//! Runs `servers load` in the background of a test.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::server::BINARY;
use crate::support::wait_for;

/// How clients use their connections.
pub(crate) const MODES: [&[&str]; 2] = [&[], &["--no-keep-alive"]];

/// A running load generator; killed if it is dropped.
pub(crate) struct Load {
    child: Option<Child>,
    since: Instant,
}

/// Long enough for many answers.
const AT_LEAST: Duration = Duration::from_secs(1);

impl Load {
    /// Starts four clients in a closed loop.
    pub(crate) fn start(address: SocketAddr, options: &[&str]) -> Self {
        let child = Command::new(BINARY)
            .args([
                "load",
                &format!("http://{address}/"),
                "-c",
                "4",
                "-d",
                "120s",
                "--json",
            ])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        Self {
            child: Some(child),
            since: Instant::now(),
        }
    }

    /// Stops the load. Every request must have been answered, except at most one for each client
    /// that was in flight at the end.
    #[track_caller]
    pub(crate) fn end_without_an_error(mut self) {
        std::thread::sleep(AT_LEAST.saturating_sub(self.since.elapsed()));
        let mut child = self.child.take().unwrap();
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
        wait_for("the load ends", || child.try_wait().unwrap().is_some());
        let output = child.wait_with_output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let number = |name: &str| report[name].as_u64().unwrap();
        let total = |name: &str| -> u64 {
            let kinds = report[name].as_object().unwrap().values();
            kinds.map(|count| count.as_u64().unwrap()).sum()
        };
        assert_eq!(total("errors") + total("client_errors"), 0, "{report:#}");
        let accounted = number("requests") + number("in_flight_at_stop");
        assert_eq!(accounted, number("attempted"), "{report:#}");
        assert!(number("requests") > 0, "{report:#}");
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
