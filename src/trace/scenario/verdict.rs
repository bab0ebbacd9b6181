//! Who has waited for whom, by the order of events. Pure.

use super::{Rule, Scenario};
use crate::trace::{Event, Lane, Side, Timeline};

/// What one client of a scene waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// Its name in the file of the scene.
    pub client: String,
    /// The holders that it was to wait for.
    pub expected: Vec<String>,
    /// Others that it may have to wait for.
    pub allowed: Vec<String>,
    /// Those that it did wait for; `None` if it had no answer in the end.
    pub observed: Option<Vec<String>>,
}

impl Waits {
    /// Whether the model's rule has foretold it.
    pub fn is_as_expected(&self) -> bool {
        self.observed.as_ref().is_some_and(|observed| {
            let is_allowed = |it: &String| self.expected.contains(it) || self.allowed.contains(it);
            self.expected.iter().all(|it| observed.contains(it)) && observed.iter().all(is_allowed)
        })
    }
}

/// What each waiter of the scene waited for.
pub fn verdict(scenario: &Scenario, rule: &Rule, timeline: &Timeline) -> Vec<Waits> {
    let lane = |name: &String| timeline.lanes.iter().find(|it| it.name == *name);
    let waits = scenario.waiters.iter().map(|client| {
        let answered = lane(client).and_then(Lane::answered_ns);
        let waited_for = |answered: u64| {
            let holders = scenario.holders.iter();
            let has_waited = holders.filter(|holder| {
                let released = lane(holder).and_then(released_ns);
                released.is_some_and(|released| answered > released)
            });
            has_waited.cloned().collect()
        };
        Waits {
            client: client.clone(),
            expected: rule.waits_for.clone(),
            allowed: rule.may_wait_for.clone(),
            observed: answered.map(waited_for),
        }
    });
    waits.collect()
}

/// When a holder makes no other client wait any more: its handler has returned, or it has closed.
/// The holder itself may read its answer later than the next client: they do not run in step.
fn released_ns(holder: &Lane) -> Option<u64> {
    let connection = holder.connections.first()?;
    let answered = connection.when(Side::Server, Event::Answered);
    let read = || connection.when(Side::Client, Event::Answered);
    let closed = || connection.when(Side::Client, Event::Closed);
    answered.or_else(read).or_else(closed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Record;

    fn event(ns: u64, client: &str, side: Side, event: Event) -> Record {
        let port = client.bytes().map(u16::from).sum();
        Record {
            port,
            note: Some(client.to_owned()),
            client: (side == Side::Client).then_some(port.into()),
            ..Record::new(ns, side, event)
        }
    }

    const SCENE: &str = "
        question = '?'
        holders = ['slow', 'silent']
        waiters = ['quick']
        [[step]]
        do = 'begin'
        client = 'slow'
        path = '/'
        [[step]]
        do = 'connect'
        client = 'silent'
        [[step]]
        do = 'ask'
        client = 'quick'
        path = '/'
        [[model]]
        name = 'prefork'
        waits-for = ['slow']
        rule = 'Both workers are occupied.'";

    fn quick_answered_at(ns: Option<u64>) -> Waits {
        let mut records = vec![
            event(0, "slow", Side::Client, Event::Connecting),
            event(1, "silent", Side::Client, Event::Connecting),
            event(2, "quick", Side::Client, Event::Connecting),
            event(50, "slow", Side::Server, Event::Answered),
            event(55, "slow", Side::Client, Event::Answered),
            event(90, "silent", Side::Client, Event::Closed),
        ];
        records.extend(ns.map(|ns| event(ns, "quick", Side::Client, Event::Answered)));
        let scenario = Scenario::parse(SCENE).unwrap();
        let rule = scenario.rule("prefork").unwrap();
        let timeline = Timeline::of(records);
        verdict(&scenario, rule, &timeline).remove(0)
    }

    #[test]
    fn a_client_waits_for_the_holders_whose_release_its_answer_follows() {
        let none: [&str; 0] = [];
        for (ns, observed) in [(10, &none[..]), (52, &["slow"]), (95, &["slow", "silent"])] {
            let waits = quick_answered_at(Some(ns));
            assert_eq!(waits.observed.as_deref().unwrap(), observed);
            assert_eq!(waits.is_as_expected(), observed == ["slow"]);
        }
    }

    #[test]
    fn what_the_rule_leaves_to_chance_is_right_either_way() {
        for (ns, is_right) in [(10, true), (52, true), (95, false)] {
            let mut waits = quick_answered_at(Some(ns));
            waits.allowed = std::mem::take(&mut waits.expected);
            assert_eq!(waits.is_as_expected(), is_right, "{waits:?}");
        }
    }

    #[test]
    fn a_client_without_an_answer_is_never_as_expected() {
        let waits = quick_answered_at(None);
        assert_eq!(waits.observed, None);
        assert!(!waits.is_as_expected());
    }
}
