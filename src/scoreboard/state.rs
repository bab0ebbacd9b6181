//! What a worker is doing, as a letter.

/// Apache's letters, for Apache's states. `D`, for a lookup in the DNS, has no counterpart here:
/// nothing is ever looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// `.`: nobody has the slot.
    Empty,
    /// `S`: forked, not ready yet.
    Starting,
    /// `_`: waiting for a connection or, in an event loop, for anything to happen.
    Waiting,
    /// `R`: reading a request, or waiting for the first one of a connection.
    Reading,
    /// `W`: in the handler, or writing its answer.
    Responding,
    /// `K`: keeping a connection for its next request.
    KeepAlive,
    /// `C`: closing a connection, which may linger.
    Closing,
    /// `L`: writing to the slow log.
    Logging,
    /// `G`: asked to stop, and finishing what it has begun.
    Finishing,
    /// `I`: asked to leave, since there are more than enough workers.
    Retiring,
}

impl State {
    /// All of them.
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

    /// The letter.
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

    /// In a few words, for a key to the letters.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Empty => "nobody there",
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

    /// The state of that letter. What is none counts as `.`: a reader has no use for an error.
    pub fn of_letter(letter: char) -> Self {
        let known = Self::ALL.into_iter().find(|state| state.letter() == letter);
        known.unwrap_or(Self::Empty)
    }

    /// Whether somebody is there and at work for a client.
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
