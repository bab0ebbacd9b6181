//! `--rank` and `--ranks`: one generator of several, and when all of them begin.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::load::Rank;

/// What starts several generators, and the variables by which it tells each its rank and their
/// number. The first whose rank is set decides: mpirun's daemons run under srun, whose variables
/// would be those of the daemon.
const LAUNCHERS: [Launcher; 5] = [
    Launcher {
        name: "Open MPI",
        rank: "OMPI_COMM_WORLD_RANK",
        ranks: "OMPI_COMM_WORLD_SIZE",
    },
    Launcher {
        name: "PMI",
        rank: "PMI_RANK",
        ranks: "PMI_SIZE",
    },
    Launcher {
        name: "a Kubernetes Indexed Job",
        rank: "JOB_COMPLETION_INDEX",
        ranks: "JOB_COMPLETIONS",
    },
    Launcher {
        name: "Slurm",
        rank: "SLURM_PROCID",
        ranks: "SLURM_NTASKS",
    },
    // PMIx tells the number of ranks to its library alone.
    Launcher {
        name: "PMIx",
        rank: "PMIX_RANK",
        ranks: "PMIX_SIZE",
    },
];

struct Launcher {
    name: &'static str,
    rank: &'static str,
    ranks: &'static str,
}

/// Without `--start-at`, generators begin at the next multiple of this of the wall clock...
const START_EVERY: Duration = Duration::from_secs(30);
/// ...that is at least so far away, for the last of them to be ready.
const START_AFTER: Duration = Duration::from_secs(5);

/// `--ranks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ranks {
    /// As the environment says.
    Auto,
    Count(u32),
}

/// Parses `--ranks`.
///
/// # Errors
/// A sentence for the user.
pub(super) fn ranks(text: &str) -> Result<Ranks, String> {
    match (text, text.parse()) {
        ("auto", _) => Ok(Ranks::Auto),
        (_, Ok(count)) if count > 0 => Ok(Ranks::Count(count)),
        _ => Err("should be a number from 1, or auto".to_owned()),
    }
}

/// The rank that the options and the environment come to. An option wins over the environment.
///
/// # Errors
/// A sentence that names what is missing.
pub(super) fn rank(
    rank: Option<u32>,
    ranks: Option<Ranks>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Rank>, String> {
    let Some(ranks) = ranks else {
        return Ok(None);
    };
    let launcher = LAUNCHERS
        .iter()
        .find(|it| variable(it.rank).or(variable(it.ranks)).is_some());
    let read = |name: &str, beside: &str, option: &str| {
        let text = variable(name).ok_or_else(|| {
            format!("{beside} is set and {name} is not: set it, or give {option}")
        })?;
        let number = text.trim().parse::<u32>();
        number.map_err(|_| format!("{name} is '{text}', which is no number from 0"))
    };
    let count = match (ranks, launcher) {
        (Ranks::Count(count), _) => count,
        (Ranks::Auto, Some(it)) => read(it.ranks, it.rank, "--ranks N")?,
        (Ranks::Auto, None) => return Err(no_launcher("--rank I and --ranks N")),
    };
    let index = match (rank, launcher) {
        (Some(index), _) => index,
        (None, Some(it)) => read(it.rank, it.ranks, "--rank I")?,
        (None, None) => return Err(no_launcher("--rank I")),
    };
    Ok(Some(Rank { index, count }))
}

fn no_launcher(options: &str) -> String {
    let names = LAUNCHERS.map(|it| format!("{} ({})", it.name, it.rank));
    format!(
        "no launcher has told this process its rank: give {options}, or start it with {}",
        names.join(", ")
    )
}

/// A line for a task among several that sends the whole load, which may not be what was meant.
pub(super) fn hint(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let several = |it: &&Launcher| {
        let ranks = variable(it.ranks).and_then(|text| text.parse::<u32>().ok());
        variable(it.rank).is_some() && ranks.is_some_and(|ranks| ranks > 1)
    };
    let launcher = LAUNCHERS.iter().find(several)?;
    Some(format!(
        "note: {} started several tasks, and each sends the whole load; --ranks auto shares it",
        launcher.name
    ))
}

/// The moment at which generators begin that were given none. Those that are started together find
/// the same one, unless a boundary falls between them; `servers merge` tells of that.
pub(super) fn common_start(now: SystemTime) -> SystemTime {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default() + START_AFTER;
    let every = START_EVERY.as_secs();
    UNIX_EPOCH + Duration::from_secs((since.as_secs() / every + 1) * every)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(
        given: (Option<u32>, Option<Ranks>),
        environment: &[(&str, &str)],
    ) -> Result<Option<Rank>, String> {
        rank(given.0, given.1, |name| {
            let mut pairs = environment.iter();
            pairs
                .find(|(it, _)| *it == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    const AUTO: Option<Ranks> = Some(Ranks::Auto);
    const SLURM: [(&str, &str); 2] = [("SLURM_PROCID", "2"), ("SLURM_NTASKS", "5")];

    #[test]
    fn every_launcher_tells_the_rank() {
        for launcher in LAUNCHERS {
            let set = [(launcher.rank, "1"), (launcher.ranks, "3")];
            let expected = Some(Rank { index: 1, count: 3 });
            assert_eq!(of((None, AUTO), &set), Ok(expected), "{}", launcher.name);
        }
    }

    #[test]
    fn options_win_and_without_them_the_environment_does_not_matter() {
        assert_eq!(of((None, None), &SLURM), Ok(None));
        let two_of_nine = of((None, Some(Ranks::Count(9))), &SLURM).unwrap();
        assert_eq!(two_of_nine, Some(Rank { index: 2, count: 9 }));
        let four_of_five = of((Some(4), AUTO), &SLURM).unwrap();
        assert_eq!(four_of_five, Some(Rank { index: 4, count: 5 }));
        let alone = of((Some(0), Some(Ranks::Count(2))), &[]).unwrap();
        assert_eq!(alone, Some(Rank { index: 0, count: 2 }));
        // mpirun within a Slurm job: the daemon's rank is not the task's.
        let mpi = [("OMPI_COMM_WORLD_RANK", "0"), ("OMPI_COMM_WORLD_SIZE", "2")];
        let both = [&SLURM[..], &mpi[..]].concat();
        assert_eq!(
            of((None, AUTO), &both),
            Ok(Some(Rank { index: 0, count: 2 }))
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        for (given, environment, words) in [
            ((None, AUTO), &[][..], "give --rank I and --ranks N"),
            (
                (None, Some(Ranks::Count(2))),
                &[],
                "give --rank I, or start it with",
            ),
            (
                (None, AUTO),
                &SLURM[..1],
                "SLURM_NTASKS is not: set it, or give --ranks N",
            ),
            (
                (None, AUTO),
                &SLURM[1..],
                "SLURM_PROCID is not: set it, or give --rank I",
            ),
            ((None, AUTO), &[("PMIX_RANK", "0")], "PMIX_SIZE is not"),
            (
                (None, AUTO),
                &[("PMI_RANK", "x"), ("PMI_SIZE", "2")],
                "PMI_RANK is 'x'",
            ),
        ] {
            let complaint = of(given, environment).unwrap_err();
            assert!(complaint.contains(words), "{environment:?}: {complaint}");
        }
    }

    #[test]
    fn only_a_task_among_several_gets_the_hint() {
        let hinted = |ranks: &str| {
            let value = |name: &str| match name {
                "SLURM_PROCID" => Some("0".to_owned()),
                "SLURM_NTASKS" => Some(ranks.to_owned()),
                _ => None,
            };
            hint(value).is_some()
        };
        assert!(hinted("3") && !hinted("1") && hint(|_| None).is_none());
    }

    #[test]
    fn the_common_start_is_a_boundary_that_leaves_time() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(common_start(at(600)), at(630));
        assert_eq!(common_start(at(624)), at(630));
        assert_eq!(common_start(at(625)), at(660));
    }
}
