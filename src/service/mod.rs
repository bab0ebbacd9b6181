//! A server as a service of its machine: the pidfile, notifications to systemd, listeners that
//! another process has opened, upgrades, and no more privileges than serving needs.

pub mod identity;
pub mod inherited;
pub mod manager;
pub mod outcomes;
pub mod pidfile;
pub mod preload;
pub mod sandbox;
pub mod socket_file;
pub mod status_process;
pub mod succession;
pub mod upgrade_channel;

pub use identity::{Identity, Refused};
pub use inherited::Predecessor;
pub use outcomes::{ControlCommand, Outcomes, OutcomesView};
pub use pidfile::Pidfile;
pub use preload::Preload;
pub use sandbox::Sandbox;
pub use socket_file::{SocketAccess, SocketFile};
pub use succession::Succession;
pub use upgrade_channel::{PeerState, UpgradeChannel};
