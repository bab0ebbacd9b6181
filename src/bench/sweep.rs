//! The same bench again and again with one number varied: where a model begins to break, and how.
//!
//! Each value is a bench of its own, with its own directory; within it the contenders run in
//! randomised blocks as always.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::budget::{warm_up_for, window_for};
use super::json;
use super::plan::Plan;
use super::results::{self, Results, SCHEMA};

/// The file's name within the directory of a sweep.
pub const FILE_NAME: &str = "sweep.json";

/// What is varied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Parameter {
    /// Connections of the load.
    Connections,
    /// `--workers` of every server.
    Workers,
    /// `--threads` of every server.
    Threads,
    /// Processors of the server.
    Cores,
}

impl Parameter {
    const ALL: [Parameter; 4] = [
        Parameter::Connections,
        Parameter::Workers,
        Parameter::Threads,
        Parameter::Cores,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Parameter::Connections => "connections",
            Parameter::Workers => "workers",
            Parameter::Threads => "threads",
            Parameter::Cores => "cores",
        }
    }

    fn most(self) -> u32 {
        match self {
            Parameter::Connections => 20_000,
            Parameter::Workers | Parameter::Threads | Parameter::Cores => 4096,
        }
    }
}

/// One parameter and the values that it takes, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// What is varied.
    pub parameter: Parameter,
    /// One bench is made at each, in this order.
    pub values: Vec<u32>,
    /// Whether windows and warm-ups become longer with the number of connections.
    #[serde(default)]
    pub stretches: bool,
}

impl FromStr for Sweep {
    type Err = String;

    /// Reads `connections=20,200,1000`.
    fn from_str(text: &str) -> Result<Sweep, String> {
        let names = Parameter::ALL.map(Parameter::name).join(", ");
        let (name, values) = text
            .split_once('=')
            .ok_or_else(|| "should be like connections=20,200,1000".to_owned())?;
        let parameter = Parameter::ALL
            .into_iter()
            .find(|parameter| parameter.name() == name)
            .ok_or_else(|| format!("'{name}' cannot be swept, but {names} can"))?;
        let value = |text: &str| match text.parse() {
            Ok(value) if (1..=parameter.most()).contains(&value) => Ok(value),
            _ => Err(format!(
                "'{text}' is no number of {name} from 1 to {}",
                parameter.most()
            )),
        };
        let values: Vec<u32> = values.split(',').map(value).collect::<Result<_, _>>()?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = values.iter().find(|value| !seen.insert(**value)) {
            return Err(format!("{twice} is there twice"));
        }
        Ok(Sweep {
            parameter,
            values,
            stretches: true,
        })
    }
}

impl Sweep {
    /// `plan` with the parameter at `value`.
    ///
    /// An option that a contender has already stays as it is.
    pub fn plan_at(&self, value: u32, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        let text = value.to_string();
        let options: &[[&str; 2]] = match self.parameter {
            Parameter::Connections => {
                for workload in &mut plan.workloads {
                    workload.connections = value as usize;
                }
                &[]
            }
            Parameter::Workers => &[["--workers", &text]],
            Parameter::Threads => &[["--threads", &text]],
            Parameter::Cores => {
                plan.server_cores = Some(value as usize);
                &[]
            }
        };
        if self.stretches {
            plan.window = window_for(plan.window, plan.connections_max());
            plan.warm_up = warm_up_for(plan.window);
        }
        for contender in &mut plan.contenders {
            for [name, value] in options {
                contender.add(name, value);
            }
        }
        plan
    }

    /// The name of the directory of a value.
    pub fn directory(&self, value: u32) -> String {
        format!("{}-{value}", self.parameter.name())
    }

    /// About how long the whole takes.
    pub fn estimate(&self, plan: &Plan) -> Duration {
        let plans = self.values.iter().map(|&value| self.plan_at(value, plan));
        plans.map(|plan| plan.estimate()).sum()
    }

    /// The most connections that any value asks for.
    pub fn connections_max(&self, plan: &Plan) -> usize {
        let plans = self.values.iter().map(|&value| self.plan_at(value, plan));
        plans.map(|plan| plan.connections_max()).max().unwrap_or(0)
    }
}

/// The file of a sweep; what was measured at each value is in the results of its directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepFile {
    /// The layout of this file, [`SCHEMA`] when it was written.
    pub schema: u32,
    /// Whether it was ended before all values had their turn.
    pub interrupted: bool,
    /// The parameter and its values.
    pub sweep: Sweep,
    /// What was said about this machine's limits.
    pub limits: Vec<String>,
    /// The directories of the values that had their turn, in this order.
    pub directories: Vec<String>,
}

/// What a sweep has measured.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepResults {
    /// Whether it was ended before all values had their turn.
    pub interrupted: bool,
    /// The parameter and its values.
    pub sweep: Sweep,
    /// What was said about this machine's limits.
    pub limits: Vec<String>,
    /// One for each value that had its turn.
    pub points: Vec<Point>,
}

/// What was measured at one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The parameter's value.
    pub value: u32,
    /// The whole bench at this value. Its file is in the directory that bears the value's name.
    pub results: Results,
}

impl SweepResults {
    /// An empty one.
    pub fn new(sweep: Sweep, limits: Vec<String>) -> SweepResults {
        SweepResults {
            interrupted: true,
            sweep,
            limits,
            points: Vec::new(),
        }
    }

    /// Takes over what was measured at `value`.
    pub fn add(&mut self, value: u32, results: Results) {
        let interrupted = results.interrupted;
        self.points.push(Point { value, results });
        let all = self.points.len() == self.sweep.values.len();
        self.interrupted = interrupted || !all;
    }

    /// The file of the sweep as a whole.
    pub fn file(&self) -> SweepFile {
        let directory = |point: &Point| self.sweep.directory(point.value);
        SweepFile {
            schema: SCHEMA,
            interrupted: self.interrupted,
            sweep: self.sweep.clone(),
            limits: self.limits.clone(),
            directories: self.points.iter().map(directory).collect(),
        }
    }

    /// Reads a file that [`SweepResults::write`] wrote, and the results beside it.
    ///
    /// # Errors
    /// One of the files cannot be read, is no such file, or is of another [`SCHEMA`].
    pub fn read(path: &Path) -> io::Result<SweepResults> {
        let SweepFile {
            interrupted,
            sweep,
            limits,
            directories,
            ..
        } = serde_json::from_slice(&fs::read(path)?)?;
        let beside = path.parent().unwrap_or(Path::new(""));
        let points = sweep.values.iter().zip(directories).map(|(&value, name)| {
            let file = beside.join(name).join(results::FILE_NAME);
            let results = Results::read(&file);
            let results = results.map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", file.display()))
            })?;
            Ok(Point { value, results })
        });
        let points = points.collect::<io::Result<_>>()?;
        Ok(SweepResults {
            interrupted,
            sweep,
            limits,
            points,
        })
    }

    /// Writes [`FILE_NAME`] in `directory`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        fs::write(directory.join(FILE_NAME), json::to_string(&self.file())?)
    }
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
