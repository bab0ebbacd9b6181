//! When epoll reports a connection: the setting behind `--trigger`.

/// When the kernel reports a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// With each wait, as long as the connection is ready.
    Level,
    /// Once, when the connection becomes ready. A loop that does not read or write until EAGAIN has
    /// to remember what is left, because no second report comes.
    Edge,
}

impl Trigger {
    /// Both of them, the default first.
    pub const ALL: [Self; 2] = [Self::Level, Self::Edge];

    /// The word behind `--trigger`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Edge => "edge",
        }
    }

    /// What it means, in one line.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Level => "reported as long as they are ready",
            Self::Edge => "reported when they become ready, once",
        }
    }
}
