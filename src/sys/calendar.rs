//! Dates and times of day in UTC, as logs and results have them: a local time would need the time
//! zone's file, which a process in a sandbox cannot open, and would be ambiguous for an hour every
//! autumn.

use std::fmt;
use std::time::Duration;

/// A date and a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    /// From 1970 on.
    pub year: u64,
    /// From 1.
    pub month: u64,
    /// Of the month, from 1.
    pub day: u64,
    /// From 0.
    pub hour: u64,
    /// From 0.
    pub minute: u64,
    /// From 0; there are no leap seconds in this count.
    pub second: u64,
}

const DAY_S: u64 = 86_400;
/// The days of 400 years, after which the calendar repeats.
const CYCLE_DAYS: u64 = 146_097;
/// From the first of March of the year 0 to the first of January 1970.
const DAYS_BEFORE_1970: u64 = 719_468;

impl Calendar {
    /// The date at so much time after the beginning of 1970. Years begin in March here, so that the
    /// leap day is the last of a year ("chrono-compatible low-level date algorithms", H. Hinnant).
    pub fn at(since_1970: Duration) -> Self {
        let seconds = since_1970.as_secs();
        let days = seconds / DAY_S + DAYS_BEFORE_1970;
        let (cycle, of_cycle) = (days / CYCLE_DAYS, days % CYCLE_DAYS);
        let year = (of_cycle - of_cycle / 1460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
        let of_year = of_cycle - (365 * year + year / 4 - year / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        let of_day = seconds % DAY_S;
        Self {
            year: year + 400 * cycle + u64::from(month <= 2),
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }

    /// The time since the beginning of 1970, which [`Calendar::at`] turns into a date. The parts
    /// have to be those of a date.
    pub fn since_1970(self) -> Duration {
        let (year, from_march) = match self.month {
            1 | 2 => (self.year - 1, self.month + 9),
            _ => (self.year, self.month - 3),
        };
        let leap_days = year / 4 - year / 100 + year / 400;
        let of_year = (153 * from_march + 2) / 5 + self.day - 1;
        let days = year * 365 + leap_days + of_year - DAYS_BEFORE_1970;
        let of_day = self.hour * 3600 + self.minute * 60 + self.second;
        Duration::from_secs(days * DAY_S + of_day)
    }
}

/// `2026-11-28T17:10:43`, as RFC 3339 has it, without the zone.
impl fmt::Display for Calendar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}-{:02}T", self.year, self.month, self.day)?;
        write!(
            out,
            "{:02}:{:02}:{:02}",
            self.hour, self.minute, self.second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_date_1() {
        for (seconds, date, time) in [
            (0, (1970, 1, 1), (0, 0, 0)),
            (951_782_399, (2000, 2, 28), (23, 59, 59)),
            (951_782_400, (2000, 2, 29), (0, 0, 0)),
            (951_868_800, (2000, 3, 1), (0, 0, 0)),
            (1_709_164_800, (2024, 2, 29), (0, 0, 0)),
            (4_107_542_400, (2100, 3, 1), (0, 0, 0)),
            (784_111_777, (1994, 11, 6), (8, 49, 37)),
        ] {
            let at = Calendar::at(Duration::from_secs(seconds));
            assert_eq!((at.year, at.month, at.day), date, "{seconds}");
            assert_eq!((at.hour, at.minute, at.second), time, "{seconds}");
            assert_eq!(at.since_1970().as_secs(), seconds);
        }
    }
}
