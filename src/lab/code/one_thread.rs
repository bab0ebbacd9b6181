//! `one-thread-one-connection`: how many clients does a process hold, and with how many threads?
//!
//! Clients connect, get an answer and stay. The kernel knows the inode of each accepted socket
//! (sock_diag(7)), and `/proc/PID/fd` which process has it. That works for every server.

use std::collections::BTreeSet;
use std::fs;
use std::io;

use crate::bench::contender::Contender;
use crate::bench::server::ServerUnderTest;
use crate::lab::client::Client;
use crate::lab::context::Context;
use crate::lab::definition::Definition;
use crate::lab::figures::Figures;
use crate::lab::outcome::{LeftOut, Observed};
use crate::lab::problem::Problem;
use crate::lab::scratch::Scratch;
use crate::sys::sock_diag;

const PEERS: [&str; 2] = ["apache-prefork", "apache-worker"];

pub(super) fn run(lab: &Definition, context: &Context<'_>) -> Result<Observed, Problem> {
    let clients = lab.number("clients", context.quick)?;
    let threads = lab.number("threads", context.quick)?;
    let scratch = Scratch::new()?;
    let mut observed = Observed::default();
    let servers = [
        ("prefork", format!("prefork --workers {clients}"), clients),
        (
            "worker",
            format!(
                "worker --workers {} --threads {threads}",
                clients.div_ceil(threads)
            ),
            clients,
        ),
        ("epoll", "epoll".to_owned(), 1),
    ];
    for (name, command, slots) in servers {
        context.step(&format!("{name}: {clients} clients that stay"));
        let server = context.start(&command)?;
        context.wait_for_slots(&server, slots)?;
        observe(name, &server, clients, &mut observed.figures)?;
        context.stop(name, server)?;
    }
    for peer in PEERS {
        match scratch.peer(peer)? {
            Err(why) => observed.left_out.push(LeftOut {
                rows: vec![peer.to_owned()],
                why,
            }),
            Ok(contender) => of_peer(context, &contender, clients, &mut observed.figures)?,
        }
    }
    Ok(observed)
}

fn of_peer(
    context: &Context<'_>,
    peer: &Contender,
    clients: usize,
    figures: &mut Figures,
) -> Result<(), Problem> {
    context.step(&format!("{}: {clients} clients that stay", peer.name));
    let server = context.start_contender(peer)?;
    observe(&peer.name, &server, clients, figures)?;
    context.stop(&peer.name, server)
}

fn observe(
    name: &str,
    server: &ServerUnderTest,
    clients: usize,
    figures: &mut Figures,
) -> Result<(), Problem> {
    let mut staying = Vec::with_capacity(clients);
    for _ in 0..clients {
        let client = Client::connect(server.address());
        let answered = client.and_then(|mut it| it.ask("/").map(|_| it));
        staying.push(answered.map_err(Problem::io(format!("cannot ask {name}")))?);
    }
    let holders = holders(server).map_err(Problem::io("cannot look into /proc"))?;
    let most = holders.iter().max_by_key(|it| it.clients);
    figures.count(name, "clients", holders.iter().map(|it| it.clients).sum());
    figures.count(name, "processes", holders.len());
    figures.count(name, "most-clients", most.map_or(0, |it| it.clients));
    figures.count(name, "its-threads", most.map_or(0, |it| it.threads));
    Ok(())
}

/// A process that holds clients.
struct Holder {
    clients: usize,
    threads: usize,
}

fn holders(server: &ServerUnderTest) -> io::Result<Vec<Holder>> {
    let accepted = sock_diag::connections(server.address().port(), false)?;
    let accepted: BTreeSet<u64> = accepted.iter().map(|it| it.inode).collect();
    let mut holders = Vec::new();
    for pid in server.processes().pids()? {
        let clients = sockets(pid)?.intersection(&accepted).count();
        if clients > 0 {
            let threads = fs::read_dir(format!("/proc/{pid}/task"))?.count();
            holders.push(Holder { clients, threads });
        }
    }
    Ok(holders)
}

/// The inodes of the sockets that a process has.
fn sockets(pid: u32) -> io::Result<BTreeSet<u64>> {
    let inode = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        let inode = target.to_str()?.strip_prefix("socket:[")?;
        inode.strip_suffix(']')?.parse().ok()
    };
    let entries = fs::read_dir(format!("/proc/{pid}/fd"))?.flatten();
    Ok(entries.filter_map(inode).collect())
}
