//! Which processors the server has, and which the generator.

use std::collections::BTreeSet;
use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// The division of the processors. Apart, neither side takes time from the other, and the server's
/// cost is its own; together (a single processor), throughput is that of the pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Processors of the server and all its children.
    pub server_cpus: Vec<usize>,
    /// Processors of the generator and of the bench itself.
    pub generator_cpus: Vec<usize>,
    /// Whether both have to share them.
    pub shared: bool,
}

impl Layout {
    /// Divides the processors that this process may use: sched_getaffinity(2).
    ///
    /// # Errors
    /// The system call failed.
    pub fn of_this_machine() -> io::Result<Layout> {
        let allowed = sched_getaffinity(Pid::from_raw(0))?;
        let cpus = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap_or(false));
        Ok(Layout::divide(&cpus.collect::<Vec<_>>(), None, None))
    }

    /// All processors of it, rising.
    pub fn cpus(&self) -> Vec<usize> {
        let both: BTreeSet<usize> = self.sides().flatten().copied().collect();
        both.into_iter().collect()
    }

    fn sides(&self) -> impl Iterator<Item = &[usize]> {
        [&self.server_cpus[..], &self.generator_cpus[..]].into_iter()
    }

    /// Divides `cpus`: by default in halves. With `server` the server has so many of them, and the
    /// generator the last `generator` of the others, or all others. Where the server has all, or
    /// there is but one, both share them.
    pub fn divide(cpus: &[usize], server: Option<usize>, generator: Option<usize>) -> Layout {
        let count = server.unwrap_or(cpus.len() / 2).min(cpus.len());
        let (server_cpus, rest) = cpus.split_at(count);
        if server_cpus.is_empty() || rest.is_empty() {
            return Layout {
                server_cpus: cpus.to_vec(),
                generator_cpus: cpus.to_vec(),
                shared: true,
            };
        }
        let left_out = rest.len() - generator.unwrap_or(rest.len()).clamp(1, rest.len());
        Layout {
            server_cpus: server_cpus.to_vec(),
            generator_cpus: rest[left_out..].to_vec(),
            shared: false,
        }
    }

    /// Moves the calling thread, and every thread that it starts from now on, to the generator's
    /// side: sched_setaffinity(2).
    ///
    /// # Errors
    /// The system call failed.
    pub fn take_generator_side(&self) -> io::Result<()> {
        let mut set = CpuSet::new();
        for &cpu in &self.generator_cpus {
            set.set(cpu)?;
        }
        Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
    }

    /// Threads that the generator can use without crowding itself.
    pub fn generator_threads(&self, connections: usize) -> usize {
        self.generator_cpus.len().clamp(1, connections.max(1))
    }
}

impl std::fmt::Display for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (server, generator) = (ranges(&self.server_cpus), ranges(&self.generator_cpus));
        if self.shared {
            return write!(f, "server and generator share CPU {server} (shared layout)");
        }
        write!(
            f,
            "server on CPU {server}, generator on CPU {generator} (split layout)"
        )
    }
}

/// `0-3,6`: the kernel's own notation for a list of processors.
fn ranges(cpus: &[usize]) -> String {
    cpus.chunk_by(|a, b| a + 1 == *b)
        .map(|run| match (run.first(), run.last()) {
            (Some(first), Some(last)) if first < last => format!("{first}-{last}"),
            (first, _) => first.map(ToString::to_string).unwrap_or_default(),
        })
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processors_are_divided_and_one_is_shared() {
        let two = Layout::divide(&[0, 1], None, None);
        assert_eq!(
            (two.server_cpus.as_slice(), two.generator_cpus.as_slice()),
            (&[0][..], &[1][..])
        );
        assert_eq!(
            two.to_string(),
            "server on CPU 0, generator on CPU 1 (split layout)"
        );
        let one = Layout::divide(&[3], None, None);
        assert!(one.shared);
        assert_eq!(
            one.to_string(),
            "server and generator share CPU 3 (shared layout)"
        );
    }

    #[test]
    fn more_are_halved_and_none_is_lost() {
        let five = Layout::divide(&[0, 1, 2, 3, 6], None, None);
        assert_eq!(
            five.to_string(),
            "server on CPU 0-1, generator on CPU 2-3,6 (split layout)"
        );
        assert_eq!(five.generator_threads(16), 3);
        assert_eq!(five.generator_threads(2), 2);
        assert_eq!(five.cpus(), [0, 1, 2, 3, 6]);
    }

    #[test]
    fn the_server_gets_as_many_as_are_asked_for() {
        let divided = |server, generator| {
            let layout = Layout::divide(&[0, 1, 2, 3], Some(server), generator);
            layout.to_string()
        };
        let expected = "server on CPU 0, generator on CPU 1-3 (split layout)";
        assert_eq!(divided(1, None), expected);
        let expected = "server on CPU 0, generator on CPU 2-3 (split layout)";
        assert_eq!(divided(1, Some(2)), expected);
        let expected = "server and generator share CPU 0-3 (shared layout)";
        assert_eq!(divided(4, Some(2)), expected);
    }
}
