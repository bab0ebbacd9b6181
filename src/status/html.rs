//! The page for browsers. It updates itself every few seconds and loads nothing from elsewhere.

use std::fmt::Write;

use super::{Pool, Report, Worker, per};
use crate::scoreboard::State;

/// Rows of the table of workers; thousands would be of no use to a reader.
const ROWS_MAX: usize = 256;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

impl Report {
    /// Seconds between two updates of the page, unless the client asks for another number.
    pub const REFRESH_S: u32 = 2;

    /// The report as a page that updates itself every `refresh_s` seconds.
    pub fn html(&self, refresh_s: u32) -> String {
        let (model, address) = (escape(&self.model), escape(&self.address));
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <meta name=\"color-scheme\" content=\"light dark\"/>\n\
             <title>{model} at {address}</title>\n\
             <noscript><meta http-equiv=\"refresh\" content=\"{refresh_s}\"/></noscript>\n\
             <style>\n{STYLE}</style>\n</head>\n<body data-refresh=\"{refresh_s}\">\n\
             {main}<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
            main = self.main(),
        )
    }

    /// The part of the page that an update replaces.
    fn main(&self) -> String {
        format!(
            "<main data-server=\"{}-{}\" data-requests=\"{}\" data-uptime=\"{:.3}\">\n\
             <h1>{} <small>{}, process {}, up {}</small></h1>\n{}{}{}{}{}</main>\n",
            self.pid,
            self.started_unix_ms,
            self.requests,
            self.uptime_s,
            escape(&self.model),
            escape(&self.address),
            self.pid,
            duration(self.uptime_s),
            list(self.first_figures()),
            self.board(),
            legend(),
            self.table(),
            format_args!(
                "<details>\n<summary>more figures</summary>\n{}</details>\n",
                list(self.further_figures())
            ),
        )
    }

    /// The figures that tell at once how the server does.
    fn first_figures(&self) -> Vec<Figure> {
        let queue = match self.queue {
            Some(queue) => format!("{} <small>of {}</small>", queue.length, queue.limit),
            None => "unknown".to_owned(),
        };
        let mean_ms = per(self.handling_s * 1e3, self.requests as f64);
        // The script of the page replaces the average by the rate between two updates.
        let rate = format!("{:.1} <small>on average</small>", self.requests_per_s());
        vec![
            ("busy", self.busy.to_string()),
            ("idle", self.idle.to_string()),
            ("requests/s", rate),
            ("mean time", format!("{mean_ms:.2} <small>ms</small>")),
            ("accept queue", queue),
            ("connections", self.open.to_string()),
        ]
    }

    /// All other figures.
    fn further_figures(&self) -> Vec<Figure> {
        let cpu = match self.cpu_s {
            Some(cpu_s) => format!("{cpu_s:.2} <small>s</small>"),
            None => "unknown".to_owned(),
        };
        let memory = self.pss_bytes.map_or_else(|| "unknown".to_owned(), bytes);
        let mut figures = vec![
            ("requests", self.requests.to_string()),
            ("sent", bytes(self.bytes)),
            ("CPU", cpu),
            ("slow", self.slow.to_string()),
            ("memory", memory),
            ("rejected", self.rejected.to_string()),
        ];
        figures.extend(self.pool.into_iter().flat_map(of_pool));
        figures
    }

    /// A square for each slot.
    fn board(&self) -> String {
        let mut out = "<p class=\"board\">".to_owned();
        for (slot, letter) in self.scoreboard.chars().enumerate() {
            let state = State::of_letter(letter);
            let _ = write!(
                out,
                "<b class=\"{}\" title=\"slot {slot}: {}\">{letter}</b>",
                class(state),
                state.words()
            );
        }
        out + "</p>\n"
    }

    fn table(&self) -> String {
        let there = || self.workers.iter().filter(|it| it.state() != State::Empty);
        let has_generations = self.pool.is_some();
        let generation = if has_generations {
            "<th>generation</th>"
        } else {
            ""
        };
        let mut out = format!(
            "<div class=\"wide\"><table>\n<thead><tr><th>slot</th><th>pid</th>{generation}\
             <th>state</th><th>for</th><th>open</th><th>requests</th><th>sent</th><th>slow</th>\
             <th>CPU</th><th class=\"text\">client</th><th class=\"text\">last request</th></tr>\
             </thead>\n<tbody>\n"
        );
        for worker in there().take(ROWS_MAX) {
            out += &row(worker, has_generations);
        }
        out += "</tbody>\n</table></div>\n";
        let left_out = there().count().saturating_sub(ROWS_MAX);
        if left_out > 0 {
            let _ = writeln!(out, "<p>and {left_out} more</p>");
        }
        out
    }
}

/// A name and a value, which may have markup.
type Figure = (&'static str, String);

fn list(figures: Vec<Figure>) -> String {
    let mut out = "<dl class=\"figures\">\n".to_owned();
    for (name, value) in figures {
        // Writing to a String does not fail.
        let _ = writeln!(out, "<div><dt>{name}</dt><dd>{value}</dd></div>");
    }
    out + "</dl>\n"
}

/// The figures of a pool, which only a master has.
fn of_pool(pool: Pool) -> [(&'static str, String); 7] {
    let times = |count| format!("{count} <small>times</small>");
    [
        (
            "pool",
            format!("{} <small>of at most {}</small>", pool.target, pool.limit),
        ),
        ("limit reached", times(pool.limit_reached)),
        ("generation", pool.generation.to_string()),
        ("crashed", pool.crashed.to_string()),
        ("wedged", pool.wedged.to_string()),
        ("overdue", pool.overdue.to_string()),
        ("forks failed", pool.fork_failed.to_string()),
    ]
}

fn row(worker: &Worker, has_generations: bool) -> String {
    let state = worker.state();
    let request = match (&worker.request, worker.torn) {
        (Some(request), _) => escape(request),
        (None, true) => "<i>being written</i>".to_owned(),
        (None, false) => String::new(),
    };
    let pid = match worker.pid == worker.tid {
        true => worker.pid.to_string(),
        false => format!("{}/{}", worker.pid, worker.tid),
    };
    let generation = match has_generations {
        true => format!("<td>{}</td>", worker.generation),
        false => String::new(),
    };
    format!(
        "<tr><td>{}</td><td>{pid}</td>{generation}\
         <td><b class=\"{}\" title=\"{}\">{}</b></td><td>{}</td>\
         <td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
         <td class=\"text\">{}</td><td class=\"text\">{request}</td></tr>\n",
        worker.slot,
        class(state),
        state.words(),
        worker.state,
        worker.state_s.map(duration).unwrap_or_default(),
        worker.open,
        worker.requests,
        bytes(worker.bytes),
        worker.slow,
        worker
            .cpu_s
            .map(|s| format!("{s:.2} s"))
            .unwrap_or_default(),
        escape(worker.client.as_deref().unwrap_or_default()),
    )
}

fn legend() -> String {
    let mut out = "<p class=\"legend\">".to_owned();
    for state in State::ALL {
        let (class, letter, words) = (class(state), state.letter(), state.words());
        let _ = write!(
            out,
            "<span><b class=\"{class}\">{letter}</b> {words}</span> "
        );
    }
    out + "</p>\n"
}

/// The class of a state in the style sheet.
fn class(state: State) -> &'static str {
    match state {
        State::Empty => "empty",
        State::Waiting => "waiting",
        State::Starting | State::Retiring | State::Finishing => "passing",
        State::Reading => "reading",
        State::Responding | State::Logging => "responding",
        State::KeepAlive => "keeping",
        State::Closing => "closing",
    }
}

/// Escapes text from a client, so that it cannot become markup.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            _ => out.push(letter),
        }
    }
    out
}

/// A duration as `350 ms`, `12.3 s`, `5 min`, `3 h 20 min` or `2 d 4 h`.
fn duration(seconds: f64) -> String {
    let whole = seconds as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86_400);
    match whole {
        0 => format!("{:.0} ms", seconds * 1e3),
        1..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && value < 99.95);
    format!("{value:.decimals$} <small>{}</small>", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_a_client_becomes_markup() {
        let text = "GET /<script>alert('a&b')</script> \"x\"";
        let escaped = escape(text);
        assert!(!escaped.contains(['<', '>', '"', '\'']), "{escaped}");
        assert_eq!(escape("a&b"), "a&amp;b");
    }

    #[test]
    fn times_and_sizes_are_short() {
        let cases = [
            (0.0, "0 ms"),
            (0.35, "350 ms"),
            (12.34, "12.3 s"),
            (300.0, "5 min"),
            (12_000.0, "3 h 20 min"),
            (190_000.0, "2 d 4 h"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
        assert_eq!(bytes(131), "131 <small>B</small>");
        assert_eq!(bytes(999_999), "1.0 <small>MB</small>");
        assert_eq!(bytes(123_456), "123 <small>kB</small>");
    }
}
