use super::*;
use std::net::TcpListener;

/// A failure of this machine would come again at once, and the loop would never read the clock.
#[test]
fn only_failures_of_the_server_are_followed_by_the_next_request_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let plan = Plan::new(url.parse().unwrap());
    let (watch, shared) = (Watch::default(), Shared::new(&plan));
    let queue = Queue::new(&plan, 1).unwrap();
    let share = plan.shares().next().unwrap();
    let run = Run {
        plan: &plan,
        watch: &watch,
        shared: &shared,
        queue: &queue,
        clock: Clock::start(),
    };
    let mut event_loop = EventLoop::new(run, share, None).unwrap();
    for (failure, at_once) in [(Failure::Timeout, true), (Failure::ClientOther, false)] {
        // The request is sent, so the connection was of use.
        assert!(event_loop.ask_next(0).is_some_and(|step| step.is_ok()));
        assert_eq!(event_loop.failed(0, failure), at_once);
    }
}
