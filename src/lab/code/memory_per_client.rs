//! `memory-per-client`: what does an idle client cost?
//!
//! Clients connect, get one answer and stay. The memory is the proportional set size of all
//! processes of the server (`smaps_rollup` of proc(5)), before the first client and at each number
//! of clients. The kernel's memory for sockets, page tables and threads is not in it.

use std::net::TcpStream;

use crate::bench::limits::{Limits, allow_descriptors};
use crate::bench::server::ServerUnderTest;
use crate::lab::client::Client;
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::figures::{Figures, Unit};
use crate::lab::outcome::{LeftOut, Observed};
use crate::lab::picture::{Picture, Series};
use crate::lab::problem::Problem;
use crate::models;

const KIB_PER_MIB: f64 = 1024.0;
/// The first number of clients at which the memory is read; each further one is ten times that.
const FIRST: usize = 10;
const STEP: usize = 10;
/// Descriptors that a process has besides those of clients.
const DESCRIPTORS_BESIDES: usize = 1000;
/// The lab uses one of so many ports or tasks at the most: other programs need some as well.
const PART: usize = 2;

/// One server and the most clients that it gets.
struct Entry {
    name: &'static str,
    command: String,
    most: usize,
    /// Workers that are made in advance, one for each client. Their memory is part of the cost.
    workers: Option<usize>,
}

fn servers(tasks: usize, clients: usize) -> Vec<Entry> {
    let each = |name: &'static str, command: String, workers| Entry {
        name,
        command,
        most: tasks,
        workers,
    };
    let all = |name: &'static str, command: &str| Entry {
        name,
        command: command.to_owned(),
        most: clients,
        workers: None,
    };
    vec![
        each("fork", format!("fork --max-connections {tasks}"), None),
        each("prefork", format!("prefork --workers {tasks}"), Some(tasks)),
        each(
            "threaded",
            format!("threaded --max-connections {tasks}"),
            None,
        ),
        all("epoll", "epoll"),
        all("event", "event --workers 2"),
        all("uring", "uring"),
        all("async", "async"),
    ]
}

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let mut observed = Observed::default();
    let limits = Limits::of_this_machine();
    let descriptors = usize::try_from(limits.descriptors).unwrap_or(usize::MAX);
    let ports = limits.ports as usize / PART;
    let room = ports.min(descriptors.saturating_sub(DESCRIPTORS_BESIDES));
    let room_for_tasks = usize::try_from(limits.tasks).unwrap_or(usize::MAX) / PART;
    let mut most = |name: &str, room: usize| -> Result<usize, Problem> {
        let wanted = lab.number(name, context.quick)?;
        if room < wanted {
            let limited =
                format!("{room} clients instead of {wanted}: this machine allows no more.");
            observed.notes.push(limited);
        }
        Ok(wanted.min(room))
    };
    let tasks = most("clients-with-a-task-each", room.min(room_for_tasks))?;
    let clients = most("clients", room)?;
    allow_descriptors(clients as u64).map_err(Problem::io("cannot raise the limit"))?;
    let servers = servers(tasks, clients);
    let mut lines = Vec::new();
    for (index, entry) in servers.iter().enumerate() {
        let name = entry.name;
        if let Some(why) = models::find(name).and_then(|model| model.check(None).err()) {
            let (rows, why) = (vec![name.to_owned()], format!("{name}: {why}"));
            observed.left_out.push(LeftOut { rows, why });
            continue;
        }
        let what = format!("{name}: {} clients come and stay", entry.most);
        context.step_of(&what, index, servers.len());
        let points = measure(context, entry)?;
        enter(entry, &points, &mut observed.figures);
        let shown = points.iter().filter(|it| it.0 > 0);
        lines.push(Series {
            name: name.to_owned(),
            points: shown
                .map(|&(count, kib)| (count as f64, kib as f64 / KIB_PER_MIB))
                .collect(),
        });
    }
    observed.pictures.push(Picture::Lines {
        title: "Memory of the whole server, by idle clients".to_owned(),
        x: "clients".to_owned(),
        y: "MiB".to_owned(),
        log: true,
        steps: false,
        lines,
    });
    Ok(observed)
}

/// A number of clients, and the memory of the server with them, in KiB.
type Point = (usize, u64);

fn measure(context: &Context<'_>, entry: &Entry) -> Result<Vec<Point>, Problem> {
    let name = entry.name;
    let server = context.start(&format!("{} --keep-alive-timeout 600s", entry.command))?;
    if let Some(workers) = entry.workers {
        context.wait_for_slots(&server, workers)?;
    }
    // The first answer makes what the server needs once, whatever comes later.
    let first = crate::lab::client::ask(server.address(), "/");
    first.map_err(Problem::io(format!("cannot ask {name}")))?;
    let mut points = vec![(0, memory(&server)?)];
    let mut staying: Vec<TcpStream> = Vec::with_capacity(entry.most);
    let mut count = FIRST.min(entry.most);
    loop {
        while staying.len() < count {
            context.check()?;
            let client = Client::connect(server.address());
            let answered = client.and_then(|mut it| it.ask("/").map(|_| it));
            let client = answered.map_err(Problem::io(format!("cannot ask {name}")))?;
            staying.push(client.into_connection());
        }
        points.push((count, memory(&server)?));
        if count == entry.most {
            break;
        }
        count = (count * STEP).min(entry.most);
    }
    drop(staying);
    context.stop(name, server)?;
    Ok(points)
}

fn memory(server: &ServerUnderTest) -> Result<u64, Problem> {
    let census = server.processes().census();
    Ok(census
        .map_err(Problem::io("cannot look into /proc"))?
        .pss_kib)
}

fn enter(entry: &Entry, points: &[Point], figures: &mut Figures) {
    let name = entry.name;
    let (Some(&(_, empty)), Some(&(count, full))) = (points.first(), points.last()) else {
        return;
    };
    figures.count(name, "clients", count);
    figures.add(name, "empty", Unit::Mebibytes, empty as f64 / KIB_PER_MIB);
    figures.add(name, "full", Unit::Mebibytes, full as f64 / KIB_PER_MIB);
    let cost = match entry.workers {
        Some(_) => full,
        None => full.saturating_sub(empty),
    };
    let each = cost as f64 / count.max(1) as f64;
    figures.add(name, "per-client", Unit::Kibibytes, each);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_made_in_advance_are_part_of_the_cost() {
        let servers = servers(10, 100);
        let points = [(0, 1000), (10, 1500)];
        let mut figures = Figures::default();
        for name in ["fork", "prefork"] {
            let entry = servers.iter().find(|it| it.name == name).unwrap();
            enter(entry, &points, &mut figures);
        }
        let value = |row| figures.get(row, "per-client").unwrap().at(0).unwrap();
        assert_eq!((value("fork"), value("prefork")), (50.0, 150.0));
    }
}
