//! What one request takes.

/// The service of a request: it computes, and then it waits for something else (a database, a
/// timer) while it keeps its worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Processor time in s.
    pub cpu_s: f64,
    /// How long requests keep their worker if nothing else is asked, in s, with the sum of the
    /// counts up to and with each. Rising.
    held_s: Vec<(f64, u64)>,
}

impl Service {
    /// A service whose times were measured: each in s with its count. A time that is shorter than
    /// the processor time counts as that.
    pub fn measured(cpu_s: f64, times: impl IntoIterator<Item = (f64, u64)>) -> Self {
        let mut times: Vec<(f64, u64)> = times.into_iter().filter(|(_, n)| *n > 0).collect();
        times.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut sum = 0;
        for (time, count) in &mut times {
            *time = time.max(cpu_s);
            sum += *count;
            *count = sum;
        }
        if times.is_empty() {
            times.push((cpu_s, 1));
        }
        Self {
            cpu_s,
            held_s: times,
        }
    }

    /// A service that only computes.
    pub fn computing(cpu_s: f64) -> Self {
        Self::measured(cpu_s, [])
    }

    /// The mean time for which a request keeps its worker, in s.
    pub fn mean_s(&self) -> f64 {
        let mut before = 0;
        let mut sum = 0.0;
        for &(time, upto) in &self.held_s {
            sum += time * (upto - before) as f64;
            before = upto;
        }
        sum / before as f64
    }

    /// One request's time, in s.
    pub(super) fn draw_s(&self, random: &mut fastrand::Rng) -> f64 {
        let all = self.held_s.last().map_or(1, |(_, upto)| *upto);
        let drawn = random.u64(0..all);
        let at = self.held_s.partition_point(|&(_, upto)| upto <= drawn);
        self.held_s[at].0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_drawn_as_often_as_they_were_measured() {
        let service = Service::measured(0.001, [(0.020, 1), (0.010, 3), (0.0005, 0)]);
        assert!((service.mean_s() - 0.0125).abs() < 1e-12);
        let mut random = fastrand::Rng::with_seed(1);
        let long = (0..40_000).filter(|_| service.draw_s(&mut random) > 0.015);
        let share = long.count() as f64 / 40_000.0;
        assert!((share - 0.25).abs() < 0.02, "{share}");
    }

    #[test]
    fn no_request_is_shorter_than_it_computes() {
        assert_eq!(Service::measured(0.01, [(0.001, 5)]).mean_s(), 0.01);
        assert_eq!(Service::computing(0.002).mean_s(), 0.002);
    }
}
