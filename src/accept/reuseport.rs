//! A listener for each worker: the kernel deals the connections among them (SO_REUSEPORT).
//!
//! ```text
//!                        ┌─▶ [ A D ] ──▶ worker 0     each accept queue has one worker, and each
//!   clients ──▶ a hash ──┼─▶ [ B   ] ──▶ worker 1     worker one queue: no worker is woken in
//!                        └─▶ [ C E ] ──▶ worker 2     vain, and none helps a busy neighbour
//! ```
//!
//! Closing a listener resets all connections that wait in its queue. So none of them is closed
//! while the server runs: the master holds them all, and a worker that replaces another inherits
//! the very socket that its predecessor had, with all connections that wait there.

use std::io;
use std::time::Duration;

use super::Listener;
use super::shared::SHARED;
use super::strategy::{MasterSide, NewAcceptor, Strategy};
use crate::sys::errors::plain;
use crate::sys::signal::{Event, Signals};

/// `--accept reuseport`.
pub const REUSEPORT: Strategy = Strategy {
    name: "reuseport",
    summary: "a listener for each worker",
    has_queue_per_worker: true,
    open: |listener, _, workers| Ok(Box::new(Listeners::open(listener, workers)?)),
    ..SHARED
};

/// The listeners of a pool, one for each worker, all on one port.
struct Listeners {
    /// In the order in which they began to listen, which is the kernel's order too.
    by_index: Vec<Listener>,
}

impl Listeners {
    /// Listens `workers` times where `first` does. The listeners that came with it (see
    /// [`Listener::with`]) are used first; there must be no more of them than workers. From now on
    /// the kernel deals connections to all of them.
    ///
    /// # Errors
    /// No descriptors or no memory for so many.
    fn open(mut first: Listener, workers: usize) -> io::Result<Self> {
        let siblings = first.take_siblings();
        // ANCHOR: open
        let mut by_index = vec![first];
        by_index.extend(siblings);
        while by_index.len() < workers {
            let next = by_index[0].beside();
            by_index.push(next.map_err(|error| explain(&error, workers))?);
        }
        // ANCHOR_END: open
        Ok(Self { by_index })
    }

    /// The listener of the worker with this index. If there are more workers than listeners, some
    /// share one.
    fn of(&self, index: usize) -> &Listener {
        &self.by_index[index % self.by_index.len()]
    }
}

impl MasterSide for Listeners {
    /// The child keeps its own listener and closes the others.
    fn into_acceptor(mut self: Box<Self>, _: usize, index: usize) -> NewAcceptor {
        let index = index % self.by_index.len();
        Ok(Box::new(self.by_index.swap_remove(index)))
    }

    /// No connection ends the wait: each queue has a worker that takes from it.
    fn wait(&mut self, signals: &Signals, timeout: Option<Duration>, _: bool) -> io::Result<Event> {
        Ok(signals.wait_beside(timeout, &[])?)
    }

    fn waiting(&self, index: usize) -> io::Result<u32> {
        self.of(index).waiting()
    }

    fn listeners(&self) -> Vec<&Listener> {
        self.by_index.iter().collect()
    }
}

fn explain(error: &io::Error, workers: usize) -> io::Error {
    let reason = plain(error);
    io::Error::other(format!(
        "cannot open a listener for each of {workers} workers: {reason}"
    ))
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpStream};
    use std::time::Instant;

    use super::*;

    fn listeners(workers: usize) -> (Listeners, SocketAddr) {
        let first = Listener::bind("127.0.0.1:0".parse().unwrap(), 100).unwrap();
        let address = first.addresses().next().unwrap().tcp().unwrap();
        (Listeners::open(first, workers).unwrap(), address)
    }

    /// A connection reaches the accept queue microseconds after the handshake is over for the
    /// client. So this waits until all of them are counted.
    fn queues(listeners: &Listeners, total: u32) -> Vec<u32> {
        loop {
            let queue = |listener: &Listener| listener.waiting().unwrap();
            let all: Vec<u32> = listeners.by_index.iter().map(queue).collect();
            if all.iter().sum::<u32>() == total {
                return all;
            }
            std::thread::yield_now();
        }
    }

    fn connect(address: SocketAddr, count: usize) -> Vec<TcpStream> {
        let connect = |_| TcpStream::connect(address).unwrap();
        (0..count).map(connect).collect()
    }

    fn is_open(client: &TcpStream) -> bool {
        client.set_nonblocking(true).unwrap();
        let error = client.peek(&mut [0]).unwrap_err();
        error.kind() == io::ErrorKind::WouldBlock
    }

    #[test]
    fn a_port_with_one_server_is_refused_to_another() {
        let (_group, address) = listeners(3);
        let error = Listener::bind(address, 100).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn queues_are_as_long_as_the_first() {
        let (group, _) = listeners(2);
        let limit = |index| group.of(index).queue_limit().unwrap();
        assert_eq!((limit(0), limit(1)), (100, 100));
    }

    #[test]
    fn all_listeners_are_dealt_to() {
        let (group, address) = listeners(3);
        let _clients = connect(address, 90);
        assert!(queues(&group, 90).iter().all(|&length| length > 0));
    }

    /// What the kernel does with a queue whose listener is closed: the reason for all of this.
    #[test]
    fn closing_a_listener_resets_its_queue_unless_it_was_drained() {
        for drained in [false, true] {
            let (mut group, address) = listeners(2);
            let clients = connect(address, 40);
            let length = queues(&group, 40)[1];
            assert!(length > 0);
            let mut served = Vec::new();
            if drained {
                for _ in 0..length {
                    served.push(group.of(1).accept().unwrap().unwrap());
                }
            }
            drop(group.by_index.pop());
            let is_whole = || clients.iter().all(is_open);
            if drained {
                assert!(is_whole());
                continue;
            }
            // A program that another test starts holds a copy of the listener until its exec.
            let end = Instant::now() + Duration::from_secs(10);
            while is_whole() {
                assert!(Instant::now() < end, "the queue was not reset");
                std::thread::yield_now();
            }
        }
    }

    /// A successor may have more workers than its predecessor.
    #[test]
    fn listeners_can_be_handed_down() {
        for workers in [3, 5] {
            let (group, address) = listeners(3);
            let mut inherited = group.by_index.into_iter();
            let first = inherited.next().unwrap().with(inherited.collect());
            let group = Listeners::open(first, workers).unwrap();
            let _clients = connect(address, 200);
            let served = queues(&group, 200).iter().filter(|&&it| it > 0).count();
            let count = group.by_index.len();
            assert_eq!((count, served), (workers, workers));
        }
    }
}
