//! `servers trace`.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use terminal_size::terminal_size_of;

use super::load::write;
use crate::trace::{self, Charset, Record, Scale, Timeline};

/// Draw who waited for whom, from the files of --trace.
///
/// A trace of `servers run` says what the server did with each connection, and one of `servers
/// load` what the clients did. Both together are joined by the client's port: a row a client, time
/// to the right. One of them alone is drawn as well; without the clients' the time in the accept
/// queue is not known.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Files that --trace of `servers run` and `servers load` has written
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The most clients to draw, the first ones
    #[arg(long, value_name = "N", default_value_t = 40)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    rows: u32,
    /// Columns of the drawing [default: the terminal's, or 80]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(40..=400))]
    width: Option<u16>,
    /// Draw with ASCII characters only
    #[arg(long)]
    ascii: bool,
    /// The title of the drawings [default: what was traced]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Write the lanes as an SVG drawing
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write a page in one file, to step through the events
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write Chrome's trace event format, for ui.perfetto.dev
    #[arg(long, value_name = "FILE")]
    perfetto: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  servers run prefork --workers 2 --trace server.trace
  servers load http://127.0.0.1:8080/sleep?ms=50 -c 5 -n 20 --trace clients.trace
  servers trace server.trace clients.trace
  servers trace server.trace clients.trace --html lanes.html --perfetto lanes.json

Exit codes: 0 drawn, 1 a file is no trace or holds no connection, 2 the call was wrong.";

/// The columns where the output is no terminal.
const WIDTH_DEFAULT: u16 = 80;
/// The width of an SVG drawing, which a reader's program may scale.
const SVG_WIDTH: f64 = 720.0;

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<ExitCode> {
        let timeline = self.timeline()?;
        let title = match (&self.title, timeline.title.as_str()) {
            (Some(title), _) => title,
            (None, "") => "lanes",
            (None, traced) => traced,
        };
        let rows = self.rows as usize;
        if let Some(path) = &self.svg {
            let alt = format!("{title}: a lane for each client, time to the right");
            let drawing = trace::svg(&timeline, Scale::Pixels(SVG_WIDTH), rows, &alt);
            write(path, drawing.as_bytes())?;
        }
        if let Some(path) = &self.html {
            write(path, trace::page(&timeline, title, rows)?.as_bytes())?;
        }
        if let Some(path) = &self.perfetto {
            write(path, &serde_json::to_vec(&trace::perfetto(&timeline))?)?;
        }
        let drawn = trace::lanes(&timeline, self.columns(), rows, self.charset());
        super::print(format!("{title}\n{drawn}").as_bytes())
    }

    fn timeline(&self) -> anyhow::Result<Timeline> {
        let mut records = Vec::new();
        for path in &self.files {
            records.extend(read(path)?);
        }
        let timeline = Timeline::of(records);
        if timeline.lanes.is_empty() {
            bail!(
                "no connection was traced; a connection of a Unix socket has no port to know it by"
            );
        }
        Ok(timeline)
    }

    fn columns(&self) -> usize {
        let terminal = terminal_size_of(io::stdout()).map(|(width, _)| width.0);
        self.width.or(terminal).unwrap_or(WIDTH_DEFAULT).into()
    }

    fn charset(&self) -> Charset {
        match self.ascii {
            true => Charset::Ascii,
            false => Charset::of_terminal(io::stdout().is_terminal()),
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<Record>> {
    let opened = File::open(path);
    let file = opened.with_context(|| format!("cannot read {}", path.display()))?;
    trace::read(BufReader::new(file)).with_context(|| format!("cannot read {}", path.display()))
}
