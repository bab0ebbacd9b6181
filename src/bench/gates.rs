//! What must be said about a window's figures. A gate marks a window, and may condemn it: then it
//! is measured again. No gate removes a figure. Pure.

use serde::{Deserialize, Serialize};

use crate::load;
use crate::load::marks::{GENERATOR_SHARE_MAX, LITTLES_LAW_GAP_MAX};

/// Stolen time beyond this moves every figure.
pub const STEAL_SHARE_MAX: f64 = 0.01;
/// With other processes busier than this, both sides wait for a processor now and then. The bench
/// itself and the ticks' rounding are below it.
pub const OTHERS_SHARE_MAX: f64 = 0.05;

/// Something that the reader of a row must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Requests failed.
    Errors,
    /// The workers' counts and the client's cannot both be true.
    Miscounted,
    /// The server's children end without being waited for, so their CPU time is lost.
    Unreaped,
    /// The generator was near its own limit.
    GeneratorBound,
    /// The latencies shown leave out more than [`LITTLES_LAW_GAP_MAX`] of the time.
    LittlesLaw,
    /// The hypervisor gave time to others.
    Steal,
    /// Other processes were at work.
    Others,
    /// No request was answered.
    Empty,
    /// Open loop: the generator sent late.
    TimerLag,
    /// Open loop: less was sent than planned, because all connections waited for answers.
    Behind,
    /// Open loop: requests waited for a connection.
    ConnectionLimit,
}

impl Mark {
    /// One letter for the table.
    pub fn letter(self) -> char {
        match self {
            Mark::Errors => 'E',
            Mark::Miscounted => 'M',
            Mark::Unreaped => 'U',
            Mark::GeneratorBound => 'G',
            Mark::LittlesLaw => 'L',
            Mark::Steal => 'S',
            Mark::Others => 'O',
            Mark::Empty => '0',
            Mark::TimerLag => 'T',
            Mark::Behind => 'B',
            Mark::ConnectionLimit => 'C',
        }
    }

    /// Whether a window with this mark is measured again.
    pub fn condemns(self) -> bool {
        matches!(
            self,
            Mark::GeneratorBound | Mark::Steal | Mark::Others | Mark::Empty | Mark::TimerLag
        )
    }

    /// A sentence for the legend.
    pub fn meaning(self) -> &'static str {
        match self {
            Mark::Errors => "requests failed",
            Mark::Miscounted => {
                "the workers counted fewer requests than the client has answers, or more than it \
                 asked: server or bench is wrong"
            }
            Mark::Unreaped => {
                "the server ignores SIGCHLD, so the kernel forgets the CPU time of its ended \
                 children: it costs more than is shown"
            }
            Mark::GeneratorBound => {
                "the generator used over 85 % of its CPU; the server may be faster than this"
            }
            Mark::LittlesLaw => {
                "over 5 % of the connections' time is in no latency shown (Little's law): they \
                 waited for answers that the window's end overtook, or to reconnect"
            }
            Mark::Steal => "the hypervisor took over 1 % of the CPU time",
            Mark::Others => "other processes took over 5 % of the CPU time",
            Mark::Empty => "no request was answered",
            Mark::TimerLag => "the generator sent late, so a part of the response time is its own",
            Mark::Behind => "under 99 % of the planned requests were sent",
            Mark::ConnectionLimit => {
                "over 1 % of the requests waited for a connection: the server answers too \
                 slowly for so few"
            }
        }
    }

    /// What the generator's mark is here; none where the bench has a gate of its own for it.
    pub(super) fn of_open_loop(mark: load::marks::Mark) -> Option<Mark> {
        match mark {
            load::marks::Mark::TimerLag => Some(Mark::TimerLag),
            load::marks::Mark::Behind => Some(Mark::Behind),
            load::marks::Mark::ConnectionLimit => Some(Mark::ConnectionLimit),
            _ => None,
        }
    }

    /// Whether the mark says that the generator, and not the server, set the figures.
    pub fn is_generators(self) -> bool {
        matches!(self, Mark::GeneratorBound | Mark::TimerLag)
    }
}

/// The figures that the gates look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Readings {
    pub(super) errors: u64,
    pub(super) miscounted: bool,
    pub(super) generator_share: f64,
    pub(super) littles_law_gap: f64,
    pub(super) steal_share: f64,
    pub(super) others_share: f64,
}

impl Readings {
    /// The marks that they call for.
    pub(super) fn marks(self) -> Vec<Mark> {
        let gates = [
            (self.errors > 0, Mark::Errors),
            (self.miscounted, Mark::Miscounted),
            (
                self.generator_share > GENERATOR_SHARE_MAX,
                Mark::GeneratorBound,
            ),
            (self.littles_law_gap > LITTLES_LAW_GAP_MAX, Mark::LittlesLaw),
            (self.steal_share > STEAL_SHARE_MAX, Mark::Steal),
            (self.others_share > OTHERS_SHARE_MAX, Mark::Others),
        ];
        gates
            .into_iter()
            .filter_map(|(tripped, mark)| tripped.then_some(mark))
            .collect()
    }
}

/// |X·R/c − 1|: in a closed loop the answered requests fill the connections' whole time, but for
/// what is lost to waiting that no answer ended.
///
/// `connections` are those that got answers: one that starved throughout is counted as such and
/// would only hide here what the others lost.
pub(super) fn littles_law_gap(requests_per_s: f64, mean_s: f64, connections: u64) -> f64 {
    if connections == 0 {
        return 1.0;
    }
    (requests_per_s * mean_s / connections as f64 - 1.0).abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Readings = Readings {
        errors: 0,
        miscounted: false,
        generator_share: 0.85,
        littles_law_gap: 0.05,
        steal_share: 0.01,
        others_share: 0.05,
    };

    #[test]
    fn each_gate_marks_on_its_own() {
        assert_eq!(QUIET.marks(), []);
        assert_eq!(Readings { errors: 1, ..QUIET }.marks(), [Mark::Errors]);
        assert_eq!(
            Readings {
                miscounted: true,
                ..QUIET
            }
            .marks(),
            [Mark::Miscounted]
        );
        assert_eq!(
            Readings {
                generator_share: 0.86,
                ..QUIET
            }
            .marks(),
            [Mark::GeneratorBound]
        );
        assert_eq!(
            Readings {
                littles_law_gap: 0.06,
                ..QUIET
            }
            .marks(),
            [Mark::LittlesLaw]
        );
        assert_eq!(
            Readings {
                steal_share: 0.02,
                ..QUIET
            }
            .marks(),
            [Mark::Steal]
        );
        assert_eq!(
            Readings {
                others_share: 0.06,
                ..QUIET
            }
            .marks(),
            [Mark::Others]
        );
    }

    #[test]
    fn a_full_closed_loop_has_no_gap() {
        assert!(littles_law_gap(16_000.0, 0.001, 16) < 1e-9);
        assert!((littles_law_gap(8_000.0, 0.001, 16) - 0.5).abs() < 1e-9);
        assert_eq!(littles_law_gap(0.0, 0.0, 0), 1.0);
    }
}
