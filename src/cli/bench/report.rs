//! `servers bench report`: the page of a bench, and its plots, from a file of results.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use crate::bench::results::Results;
use crate::bench::sweep::{self, SweepResults};
use crate::report::bench_page::{self, FILE_NAME, Named};
use crate::report::plot::Theme;

/// What to make, and where.
#[derive(clap::Args)]
pub(super) struct ReportArgs {
    /// A results.json, or the sweep.json of a sweep
    results: PathBuf,
    /// Where to put the page [default: report.html beside the results]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also write each plot as an SVG file into this directory
    #[arg(long, value_name = "DIR")]
    svg: Option<PathBuf>,
}

impl ReportArgs {
    pub(super) fn execute(&self) -> anyhow::Result<ExitCode> {
        let file = &self.results;
        let unreadable = || format!("cannot read {}", file.display());
        let is_sweep = file
            .file_name()
            .is_some_and(|name| name == sweep::FILE_NAME);
        let (html, plots, pictures) = match is_sweep {
            true => {
                let swept = SweepResults::read(file).with_context(unreadable)?;
                let plots = bench_page::sweep_plots(&swept);
                (bench_page::sweep_html(&swept)?, plots, Vec::new())
            }
            false => {
                let results = Results::read(file).with_context(unreadable)?;
                let pictures = bench_page::pictures(&results);
                let plots = bench_page::plots(&results);
                (bench_page::html(&results)?, plots, pictures)
            }
        };
        let beside = || file.with_file_name(FILE_NAME);
        let out = self.out.clone().unwrap_or_else(beside);
        fs::write(&out, html).with_context(|| format!("cannot write {}", out.display()))?;
        let mut said = format!("Saved {}\n", out.display());
        if let Some(directory) = &self.svg {
            let files = files(&plots).chain(pictures);
            let count = write_all(files, directory)
                .with_context(|| format!("cannot write in {}", directory.display()))?;
            said.push_str(&format!("Saved {count} plots in {}\n", directory.display()));
        }
        crate::cli::print(said.as_bytes())
    }
}

/// Each plot with the name of its file.
fn files(plots: &[Named]) -> impl Iterator<Item = (String, String)> {
    let file = |it: &Named| (format!("{}.svg", it.name), it.drawing.svg(Theme::Preferred));
    plots.iter().map(file)
}

/// Returns how many there were.
fn write_all(
    files: impl Iterator<Item = (String, String)>,
    directory: &Path,
) -> std::io::Result<usize> {
    fs::create_dir_all(directory)?;
    let mut count = 0;
    for (name, svg) in files {
        fs::write(directory.join(name), svg)?;
        count += 1;
    }
    Ok(count)
}

/// The page of a bench that has just been measured.
pub(super) fn save(results: &Results, directory: &Path) -> anyhow::Result<()> {
    let html = bench_page::html(results)?;
    Ok(fs::write(directory.join(FILE_NAME), html)?)
}

/// The page of a sweep.
pub(super) fn save_sweep(swept: &SweepResults, directory: &Path) -> anyhow::Result<()> {
    let html = bench_page::sweep_html(swept)?;
    Ok(fs::write(directory.join(FILE_NAME), html)?)
}
