use super::*;
use crate::load::Schedule;
use nix::sys::epoll::EpollCreateFlags;
use std::time::Duration;

const MS: u64 = 1_000_000;

fn queue(threads: usize, warm_up_ms: u64) -> Queue {
    let plan = Plan {
        schedule: Some(Schedule::constant(10.0, Duration::from_secs(1)).unwrap()),
        warm_up: Duration::from_millis(warm_up_ms),
        ..Plan::new("http://127.0.0.1:1/".parse().unwrap())
    };
    Queue::new(&plan, threads).unwrap()
}

fn due(number: u64, noticed: u64) -> Due {
    Due {
        number,
        intended: noticed,
        noticed,
        is_measured: true,
        is_handed_over: false,
    }
}

#[test]
fn requests_keep_their_order_and_their_times() {
    let queue = queue(1, 0);
    assert!((0..3).all(|number| queue.push(due(number, number * MS), 0)));
    assert_eq!(queue.len(), 3);
    for number in 0..3 {
        assert_eq!(queue.pop(9 * MS), Some(due(number, number * MS)));
    }
    assert_eq!((queue.pop(9 * MS), queue.len()), (None, 0));
}

#[test]
fn a_request_goes_to_a_thread_with_a_free_connection_and_wakes_it() {
    let queue = queue(3, 0);
    let epolls: Vec<Epoll> = (0..3)
        .map(|thread| {
            let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
            queue.register(thread, &epoll, 7).unwrap();
            epoll
        })
        .collect();
    let woken = || -> Vec<usize> {
        let mut events = [EpollEvent::empty(); 2];
        let ready = epolls.iter().map(|it| it.wait(&mut events, 0u8).unwrap());
        ready.collect()
    };
    assert!(!queue.offer(1, 0) && !queue.offer(2, 1));
    assert!(!queue.push(due(0, MS), 0));
    assert_eq!(woken(), [0, 0, 1]);
    // Its only free connection is spoken for, so the next one waits because all are busy.
    assert!(queue.push(due(1, MS), 0));
    assert_eq!(woken(), [0, 0, 0]);
    // The thread that has one free again must not block.
    assert!(queue.offer(1, 1));
    // The time until the other thread took it is the generator's.
    assert_eq!(queue.pop(3 * MS).unwrap().noticed, 3 * MS);
    assert_eq!(queue.pop(3 * MS).unwrap().noticed, MS);
}

#[test]
fn the_time_for_which_requests_waited_is_that_of_the_measurement() {
    let queue = queue(1, 10);
    queue.push(due(0, 5 * MS), 0);
    queue.push(due(1, 12 * MS), 0);
    queue.pop(14 * MS);
    queue.pop(15 * MS);
    queue.push(due(2, 20 * MS), 0);
    let left = queue.close(27 * MS);
    // 10 to 15 ms, and 20 to 27 ms.
    assert_eq!((left.requests.len(), left.limit_ns), (1, 12 * MS));
}

#[test]
fn a_run_is_exhausted_when_all_threads_are_and_none_waits() {
    let queue = queue(2, 0);
    queue.push(due(0, MS), 0);
    queue.finish_schedule();
    queue.pop(MS);
    assert!(!queue.is_exhausted());
    queue.push(due(1, MS), 1);
    queue.finish_schedule();
    assert!(!queue.is_exhausted());
    queue.pop(MS);
    assert!(queue.is_exhausted());
}
