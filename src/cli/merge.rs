//! `servers merge`: the results of several generators as one.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use super::load::{exit_code, parse_expectation, width, write};
use crate::load::{Expectation, Merged, Part, Remark, merge};
use crate::report::load as report;

/// Add the results of several generators, exactly.
///
/// Takes what servers load --json or --hlog has written. Histograms are added bucket by bucket, so
/// the percentiles are those that one generator would have recorded. Prints what load prints, and
/// each generator's share and marks. A rank without a result is named, and the exit code is 1.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Results of servers load, or of servers merge
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A bound to meet, else exit code 3: p99<20ms, errors<0.1%, rate>900; may be repeated
    #[arg(long, value_name = "BOUND", value_parser = parse_expectation)]
    expect: Vec<Expectation>,
    /// Print one JSON object instead of a table
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print what happened in each second, as CSV
    #[arg(long)]
    csv: bool,
    /// Write the response times of each second as an HdrHistogram interval log
    #[arg(long, value_name = "FILE")]
    hlog: Option<PathBuf>,
    /// Write one self-contained HTML page with plots
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  servers merge load.0.json load.1.json load.2.json
  servers merge load.*.json --expect 'p99<20ms' --report load.html

Exit codes: 0 all measured, 1 a result is missing or incomplete, 2 the call was wrong,
3 an expectation was not met.";

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let (parts, unusable) = self.read();
        let merged = match merge(&parts, &unusable) {
            Ok(merged) => merged,
            Err(error) => {
                let told = unusable.iter().map(|(name, why)| format!("{name} {why}"));
                let told: Vec<String> = told.chain([error.to_string()]).collect();
                anyhow::bail!(told.join("; "));
            }
        };
        self.write_files(&merged)?;
        super::print(self.render(&merged)?.as_bytes())?;
        Ok(match merged.remarks.iter().any(Remark::is_loss) {
            true => ExitCode::FAILURE,
            false => exit_code(&merged.outcome, &self.expect),
        })
    }

    /// The results, and the files that are none, with the reason. A generator that was killed
    /// leaves an empty file, which is a part of what happened.
    fn read(&self) -> (Vec<Part>, Vec<(String, String)>) {
        let (mut parts, mut unusable) = (Vec::new(), Vec::new());
        for file in &self.files {
            let name = file.display().to_string();
            let read = match fs::read_to_string(file) {
                Ok(text) => report::read(&name, &text).map_err(|error| error.to_string()),
                Err(error) => Err(format!("cannot be read: {error}")),
            };
            match read {
                Ok(part) => parts.push(part),
                Err(reason) => unusable.push((name, reason)),
            }
        }
        (parts, unusable)
    }

    fn render(&self, merged: &Merged) -> anyhow::Result<String> {
        if self.json {
            let json = report::merged_json(merged, &self.expect);
            return Ok(serde_json::to_string_pretty(&json)? + "\n");
        }
        Ok(match self.csv {
            true => report::csv(&merged.outcome),
            false => report::merged_table(merged, &self.expect, width()),
        })
    }

    fn write_files(&self, merged: &Merged) -> anyhow::Result<()> {
        if let Some(path) = &self.hlog {
            let json = report::merged_json(merged, &self.expect);
            write(
                path,
                &report::hlog(json, &merged.outcome).context("the log")?,
            )?;
        }
        if let Some(path) = &self.report {
            write(path, report::merged_html(merged, &self.expect)?.as_bytes())?;
        }
        Ok(())
    }
}
