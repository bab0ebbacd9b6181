use super::*;
use std::net::TcpListener;

/// The loop of the run's only thread.
fn on_a_loop(plan: &Plan, test: impl FnOnce(&mut EventLoop<'_>)) {
    let (watch, shared) = (Watch::default(), Shared::new(plan));
    let queue = Queue::new(plan, 1).unwrap();
    let run = Run {
        plan,
        watch: &watch,
        shared: &shared,
        queue: &queue,
        clock: Clock::starting_in(Duration::ZERO),
    };
    let share = plan.shares().next().unwrap();
    test(&mut EventLoop::new(run, share, None).unwrap());
}

/// A failure of this machine would come again at once, and the loop would never read the clock.
#[test]
fn only_failures_of_the_server_are_followed_by_the_next_request_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let plan = Plan::new(url.parse().unwrap());
    on_a_loop(&plan, |event_loop| {
        for (failure, at_once) in [(Failure::Timeout, true), (Failure::ClientOther, false)] {
            // The request is sent, so the connection was of use.
            assert!(event_loop.ask_next(0).is_some_and(|step| step.is_ok()));
            assert_eq!(event_loop.failed(0, failure), at_once);
        }
    });
}

/// With thousands of connections, no answer would be read for seconds.
#[test]
fn clients_begin_some_at_a_time_unless_requests_are_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let time = Amount::Duration(Duration::from_secs(1));
    for (amount, left) in [(time, [44, 0]), (Amount::Requests(1000), [0, 0])] {
        let plan = Plan {
            connections: 300,
            amount,
            ..Plan::new(url.parse().unwrap())
        };
        on_a_loop(&plan, |event_loop| {
            let unbegun = [(); 2].map(|()| {
                event_loop.begin_some();
                event_loop.unbegun.len()
            });
            assert_eq!(unbegun, left);
            assert_eq!(event_loop.asking, 300);
        });
    }
}
