//! `loaded-once`: how often is an object loaded that the handler keeps for its process?
//!
//! Each thread of a server gets a client that stays, so that all of them are used. `/cache` says
//! which process loaded the object that it answers from, `/pid` which thread answers.

use std::collections::BTreeSet;
use std::io;

use crate::bench::server::ServerUnderTest;
use crate::lab::client::Client;
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::figures::{Figures, Unit};
use crate::lab::outcome::{LeftOut, Observed};
use crate::lab::problem::Problem;
use crate::lab::scratch::Scratch;

const KIB_PER_MIB: f64 = 1024.0;
const GUNICORN: &str = "gunicorn-gthread";
/// Threads of the bench's recipe for Gunicorn: two workers with eight each.
const GUNICORN_THREADS: usize = 16;
/// The same two routes for Gunicorn. `/pid` takes a while, so that requests at the same time need
/// several threads.
const GUNICORN_APPLICATION: &str = r"import os
import threading
import time

lock = threading.Lock()
cache = None

def load():
    global cache
    with lock:
        if cache is None:
            cache = (os.getpid(), b'1' * (1 << 20))
        return cache

def app(environ, start):
    text = 'Hello, World!'
    if environ['PATH_INFO'] == '/cache':
        pid, data = load()
        text = '%d bytes, loaded by process %d on start' % (len(data), pid)
    if environ['PATH_INFO'] == '/pid':
        time.sleep(0.1)
        text = '%d %d 0' % (os.getpid(), threading.get_native_id())
    body = text.encode()
    start('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', str(len(body)))])
    return [body]
";

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let workers = lab.number("workers", context.quick)?;
    let threads = lab.number("threads", context.quick)?;
    let all = workers * threads;
    let servers = [
        ("prefork", format!("prefork --workers {all}")),
        (
            "worker",
            format!("worker --workers {workers} --threads {threads}"),
        ),
        ("prethreaded", format!("prethreaded --threads {all}")),
    ];
    let mut observed = Observed::default();
    for (name, command) in servers {
        context.step(&format!("{name}: a client for each of {all} threads"));
        let server = context.start(&command)?;
        context.wait_for_slots(&server, all)?;
        observe(name, &server, all, &mut observed.figures)?;
        context.stop(name, server)?;
    }
    gunicorn(context, &mut observed)?;
    Ok(observed)
}

fn gunicorn(context: &Context<'_>, observed: &mut Observed) -> Result<(), Problem> {
    let scratch = Scratch::new()?;
    let mut contender = match scratch.peer(GUNICORN)? {
        Ok(contender) => contender,
        Err(why) => {
            let rows = vec![GUNICORN.to_owned()];
            observed.left_out.push(LeftOut { rows, why });
            return Ok(());
        }
    };
    let files = contender.foreign.iter_mut().map(|it| &mut it.files);
    files.for_each(|it| drop(it.insert("app.py".to_owned(), GUNICORN_APPLICATION.to_owned())));
    context.step(&format!("{GUNICORN}: {GUNICORN_THREADS} clients"));
    let server = context.start_contender(&contender)?;
    observe(GUNICORN, &server, GUNICORN_THREADS, &mut observed.figures)?;
    context.stop(GUNICORN, server)
}

fn observe(
    name: &str,
    server: &ServerUnderTest,
    clients: usize,
    figures: &mut Figures,
) -> Result<(), Problem> {
    let seen = ask_all(server, clients).map_err(Problem::io(format!("cannot ask {name}")))?;
    let census = server.processes().census();
    let census = census.map_err(Problem::io("cannot look into /proc"))?;
    let memory = census.pss_kib as f64 / KIB_PER_MIB;
    figures.count(name, "threads", seen.threads.len());
    figures.count(name, "processes", seen.processes.len());
    figures.count(name, "loads", seen.loaders.len());
    figures.add(name, "memory", Unit::Mebibytes, memory);
    let per_thread = memory / seen.threads.len().max(1) as f64;
    figures.add(name, "memory-per-thread", Unit::Mebibytes, per_thread);
    Ok(())
}

/// Which processes have loaded the object, and which threads have answered.
#[derive(Default)]
struct Seen {
    loaders: BTreeSet<String>,
    processes: BTreeSet<String>,
    threads: BTreeSet<String>,
}

/// All clients stay until each has its answers, so that no thread answers two of them.
fn ask_all(server: &ServerUnderTest, clients: usize) -> io::Result<Seen> {
    let mut seen = Seen::default();
    let connect = |_| Client::connect(server.address());
    let mut staying: Vec<Client> = (0..clients).map(connect).collect::<io::Result<_>>()?;
    for client in &mut staying {
        client.send("/cache", true)?;
    }
    for client in &mut staying {
        let answer = client.answer()?;
        let behind = answer.split_once("process ").map(|(_, rest)| rest);
        let loader = behind.and_then(|rest| rest.split_whitespace().next());
        seen.loaders.extend(loader.map(str::to_owned));
    }
    for client in &mut staying {
        client.send("/pid", true)?;
    }
    for client in &mut staying {
        let answer = client.answer()?;
        let mut words = answer.split_whitespace().map(str::to_owned);
        seen.processes.extend(words.next());
        seen.threads.extend(words.next());
    }
    Ok(seen)
}
