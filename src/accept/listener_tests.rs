use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::*;

/// A worker that a client has taken over could make the loops of all others spin.
#[test]
fn a_listener_that_does_not_wait_is_made_to_wait_again() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 16).unwrap();
    listener.set_nonblocking().unwrap();
    let (mut calls, mut client) = (0, None);
    let accepted = listener.accept_while(|| {
        calls += 1;
        if calls == 2 {
            let address = listener.addresses().next().and_then(Address::tcp);
            client = TcpStream::connect(address.unwrap()).ok();
        }
    });
    assert!(accepted.unwrap().is_some());
    let flags =
        OFlag::from_bits_truncate(fcntl(listener.socket.as_fd(), FcntlArg::F_GETFL).unwrap());
    assert!(!flags.contains(OFlag::O_NONBLOCK));
}
