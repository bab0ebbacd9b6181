//! What a server owes to the machine that it runs on and to whoever manages it there: a process ID
//! in a file, word to systemd, listeners that come from somebody else, and no more rights than its
//! work needs.

pub mod identity;
pub mod inherited;
pub mod manager;
pub mod pidfile;
pub mod preload;
pub mod sandbox;
pub mod succession;
pub mod upgrade_channel;

pub use identity::{Identity, Refused};
pub use inherited::Predecessor;
pub use pidfile::Pidfile;
pub use preload::Preload;
pub use sandbox::Sandbox;
pub use succession::Succession;
pub use upgrade_channel::{PeerState, UpgradeChannel};
