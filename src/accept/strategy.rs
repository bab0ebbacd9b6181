//! The names of the ways in which workers share a port.

/// How the workers of a server come by their connections. Each model takes some of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// All call accept on one listener, and the kernel picks one of them per connection.
    Shared,
    /// As `Shared`, but only the holder of a file lock may call accept (UNP 30.7).
    Flock,
    /// As `Shared`, but only the holder of a mutex may call accept (UNP 30.8).
    Mutex,
    /// The master accepts and passes the descriptor to a worker (UNP 30.9).
    Pass,
    /// A listener for each worker, among which the kernel deals connections (SO_REUSEPORT).
    Reuseport,
    /// The main thread accepts and hands over to the others (UNP 30.12).
    Main,
    /// All wait for one listener with epoll: each connection wakes all who wait.
    Epoll,
    /// The same with EPOLLEXCLUSIVE: each connection wakes one of them.
    Exclusive,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Shared,
        Self::Flock,
        Self::Mutex,
        Self::Pass,
        Self::Reuseport,
        Self::Main,
        Self::Epoll,
        Self::Exclusive,
    ];

    /// What the command line calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::Flock => "flock",
            Self::Mutex => "mutex",
            Self::Pass => "pass",
            Self::Reuseport => "reuseport",
            Self::Main => "main",
            Self::Epoll => "epoll",
            Self::Exclusive => "exclusive",
        }
    }

    /// One line for people.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Shared => "all accept from one listener",
            Self::Flock => "the holder of a file lock accepts",
            Self::Mutex => "the holder of a mutex accepts",
            Self::Pass => "the master accepts and passes descriptors on",
            Self::Reuseport => "a listener for each worker",
            Self::Main => "the main thread accepts and hands over",
            Self::Epoll => "all wait with epoll, and all are woken",
            Self::Exclusive => "all wait with EPOLLEXCLUSIVE, and one is woken",
        }
    }
}
