//! What the processors did during a window: time that was stolen, and time of other processes.

use std::fs;
use std::time::Duration;

use crate::sys::usage::tick_length;

/// A reading of the counters of all processors together: proc_stat(5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuMeter {
    /// At work for any process. Interrupts are left out: those of the network belong to the load,
    /// and no process is charged with them.
    busy: u64,
    /// Given to other machines by the hypervisor.
    stolen: u64,
    /// All of it, idleness included.
    total: u64,
    /// How many there are.
    processors: u64,
}

/// What has happened between two readings.
#[derive(Debug, Clone, Copy)]
pub struct Elapsed(CpuMeter);

impl CpuMeter {
    /// Reads the counters; nothing where there are none.
    pub fn read() -> CpuMeter {
        CpuMeter::parse(&fs::read_to_string("/proc/stat").unwrap_or_default()).unwrap_or_default()
    }

    fn parse(stat: &str) -> Option<CpuMeter> {
        let mut lines = stat.lines();
        let fields = lines.next()?.strip_prefix("cpu ")?.split_whitespace();
        let processors = lines.take_while(|line| line.starts_with("cpu")).count();
        let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
        // Guest time is the ninth; it is within user already.
        let [user, nice, system, idle, iowait, irq, softirq, stolen, ..] = ticks[..] else {
            return None;
        };
        let (busy, interrupts) = (user + nice + system, irq + softirq);
        Some(CpuMeter {
            busy,
            stolen,
            total: busy + interrupts + idle + iowait + stolen,
            processors: processors as u64,
        })
    }

    /// What has happened since this reading.
    pub fn elapsed(self) -> Elapsed {
        let now = CpuMeter::read();
        Elapsed(CpuMeter {
            busy: now.busy.saturating_sub(self.busy),
            stolen: now.stolen.saturating_sub(self.stolen),
            total: now.total.saturating_sub(self.total),
            processors: now.processors,
        })
    }
}

impl Elapsed {
    /// The part of all time that was stolen, 0 to 1.
    pub fn steal_share(self) -> f64 {
        self.0.stolen as f64 / self.0.total.max(1) as f64
    }

    /// The part of all time that other processes used, 0 to 1: `ours` is the CPU time of the server
    /// and of the generator together.
    ///
    /// A processor counts whole ticks: a window may seem to hold one more on each processor than
    /// was used in it. A short window must not be condemned for that.
    pub fn others_share(self, ours: Duration) -> f64 {
        let ours = ours.as_secs_f64() / tick_length().as_secs_f64();
        let others = self.0.busy as f64 - ours - self.0.processors as f64;
        others.max(0.0) / self.0.total.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_in_their_order() {
        let meter = CpuMeter::parse("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1\n").unwrap();
        assert_eq!(
            meter,
            CpuMeter {
                // Without irq and softirq, the sixth and the seventh.
                busy: 6,
                stolen: 8,
                total: 36,
                processors: 1,
            }
        );
        assert_eq!(CpuMeter::parse("cpu  1 2 3"), None);
    }

    #[test]
    fn what_is_not_ours_is_the_others() {
        let elapsed = Elapsed(CpuMeter {
            busy: 152,
            stolen: 10,
            total: 200,
            processors: 2,
        });
        assert!((elapsed.steal_share() - 0.05).abs() < 1e-9);
        let half = tick_length() * 100;
        assert!((elapsed.others_share(half) - 0.25).abs() < 1e-6);
        assert_eq!(elapsed.others_share(half * 2), 0.0);
        // What seems to be at work may be the ticks' rounding.
        assert_eq!(elapsed.others_share(tick_length() * 150), 0.0);
    }
}
