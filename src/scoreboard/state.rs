//! The states of a worker, each shown as a letter.

/// Apache's states with Apache's letters. `D`, for a DNS lookup, has no counterpart: this server
/// makes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// `.`: no worker has the slot.
    Empty,
    /// `S`: forked, not ready yet.
    Starting,
    /// `_`: waiting for a connection or, in an event loop, for anything to happen.
    Waiting,
    /// `R`: reading a request, or waiting for the first one of a connection.
    Reading,
    /// `W`: in the handler, or writing its answer.
    Responding,
    /// `K`: keeping a connection open for its next request.
    KeepAlive,
    /// `C`: closing a connection, which may linger.
    Closing,
    /// `L`: writing to the slow log.
    Logging,
    /// `G`: asked to stop, and finishing the requests that it has begun.
    Finishing,
    /// `I`: retired by the master.
    Retiring,
}

impl State {
    /// In the order of Apache's key.
    pub const ALL: [Self; 10] = [
        Self::Empty,
        Self::Starting,
        Self::Waiting,
        Self::Reading,
        Self::Responding,
        Self::KeepAlive,
        Self::Closing,
        Self::Logging,
        Self::Finishing,
        Self::Retiring,
    ];

    /// As Apache's `mod_status` shows it.
    pub const fn letter(self) -> char {
        match self {
            Self::Empty => '.',
            Self::Starting => 'S',
            Self::Waiting => '_',
            Self::Reading => 'R',
            Self::Responding => 'W',
            Self::KeepAlive => 'K',
            Self::Closing => 'C',
            Self::Logging => 'L',
            Self::Finishing => 'G',
            Self::Retiring => 'I',
        }
    }

    /// A few words for the key to the letters.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Empty => "no worker",
            Self::Starting => "starting",
            Self::Waiting => "waiting",
            Self::Reading => "reading a request",
            Self::Responding => "answering",
            Self::KeepAlive => "keeping alive",
            Self::Closing => "closing",
            Self::Logging => "logging",
            Self::Finishing => "finishing",
            Self::Retiring => "leaving",
        }
    }

    /// The state with that letter. Any other character counts as `.`: a reader has no use for an
    /// error.
    pub fn of_letter(letter: char) -> Self {
        let known = Self::ALL.into_iter().find(|state| state.letter() == letter);
        known.unwrap_or(Self::Empty)
    }

    /// Whether the worker has a client.
    pub const fn is_busy(self) -> bool {
        !matches!(self, Self::Empty | Self::Starting | Self::Waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_lead_back_to_their_states() {
        for state in State::ALL {
            assert_eq!(State::of_letter(state.letter()), state);
        }
        assert_eq!(State::of_letter('\0'), State::Empty);
        assert_eq!(State::of_letter('D'), State::Empty);
    }
}
