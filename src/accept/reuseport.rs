//! A listener for each worker: the kernel deals the connections among them (SO_REUSEPORT).
//!
//! ```text
//!                        ┌─▶ [ A D ] ──▶ worker 0     each accept queue has one worker, and each
//!   clients ──▶ a hash ──┼─▶ [ B   ] ──▶ worker 1     worker one queue: nobody is woken in vain,
//!                        └─▶ [ C E ] ──▶ worker 2     and nobody helps a neighbour who is busy
//! ```
//!
//! Closing a listener resets all who wait in its queue. So none of them is ever closed while the
//! server runs: the master holds them all, and a worker that takes over a slot inherits the very
//! socket that its predecessor had, with all who wait there.

use std::io;

use super::Listener;
use crate::sys::errors::plain;

/// The listeners of a pool, one per slot, all on one port.
pub struct Listeners {
    /// In the order in which they began to listen, which is the kernel's order too.
    by_slot: Vec<Listener>,
}

impl Listeners {
    /// Listens `slots` times where `first` does, with those that came with it (see
    /// [`Listener::with`]) as far as there are any; no more may have come. From now on connections
    /// are dealt to all of them.
    ///
    /// # Errors
    /// No descriptors or no memory for so many.
    pub fn open(mut first: Listener, slots: usize) -> io::Result<Self> {
        let siblings = first.take_siblings();
        // ANCHOR: open
        let mut by_slot = vec![first];
        by_slot.extend(siblings);
        while by_slot.len() < slots {
            let next = by_slot[0].beside();
            by_slot.push(next.map_err(|error| explain(&error, slots))?);
        }
        // ANCHOR_END: open
        Ok(Self { by_slot })
    }

    /// All of them, in the order in which they began to listen.
    pub fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.by_slot.iter()
    }

    /// The listener of a slot. Should there be more slots than listeners, some share one.
    pub fn of(&self, slot: usize) -> &Listener {
        &self.by_slot[slot % self.by_slot.len()]
    }

    /// The listener of a slot alone: what a forked child keeps, so that the others are open where
    /// they are needed and nowhere else.
    pub fn keep(mut self, slot: usize) -> Listener {
        let index = slot % self.by_slot.len();
        self.by_slot.swap_remove(index)
    }
}

fn explain(error: &io::Error, slots: usize) -> io::Error {
    let reason = plain(error);
    io::Error::other(format!(
        "cannot open a listener for each of {slots} workers: {reason}"
    ))
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpStream};

    use super::*;

    fn listeners(slots: usize) -> (Listeners, SocketAddr) {
        let first = Listener::bind("127.0.0.1:0".parse().unwrap(), 100).unwrap();
        let address = first.address().unwrap();
        (Listeners::open(first, slots).unwrap(), address)
    }

    /// What a handshake that is over for the client still lacks here is a matter of microseconds
    /// on loopback, but no matter of course: so all are counted before anything is claimed.
    fn queues(listeners: &Listeners, total: u32) -> Vec<u32> {
        loop {
            let queue = |listener: &Listener| listener.waiting().unwrap();
            let all: Vec<u32> = listeners.by_slot.iter().map(queue).collect();
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
    fn a_port_with_one_server_is_not_to_be_had_by_another() {
        let (_group, address) = listeners(3);
        let error = Listener::bind(address, 100).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn queues_are_as_long_as_the_first() {
        let (group, _) = listeners(2);
        let limit = |slot| crate::sys::net::accept_queue_limit(group.of(slot)).unwrap();
        assert_eq!((limit(0), limit(1)), (100, 100));
    }

    #[test]
    fn all_slots_are_dealt_to() {
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
            drop(group.by_slot.pop());
            let is_whole = clients.iter().all(is_open);
            assert_eq!(is_whole, drained);
        }
    }

    /// A successor may have more workers than its predecessor.
    #[test]
    fn listeners_can_be_handed_down() {
        for slots in [3, 5] {
            let (group, address) = listeners(3);
            let mut inherited = group.by_slot.into_iter();
            let first = inherited.next().unwrap().with(inherited.collect());
            let group = Listeners::open(first, slots).unwrap();
            let _clients = connect(address, 200);
            let served = queues(&group, 200).iter().filter(|&&it| it > 0).count();
            assert_eq!((group.iter().count(), served), (slots, slots));
        }
    }
}
