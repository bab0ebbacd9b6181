use super::*;
use crate::lab::figures::Unit;
use crate::lab::outcome::{LeftOut, Observed};

fn lab(holds: &str) -> Definition {
    let text = format!(
        "question = 'What does it cost?'\ndoes = 'Asks both.'\nexplains = 'It copies.'\n\
         chapter = '03-fork.md'\nchoices = ['nothing', 'much']\nanswer = 'b'\ncode = 'x'\n\
         takes-s = 12\nquick-takes-s = 1\n\
         [[picture]]\nkind = 'bars'\ntitle = 'Costs'\nfigure = 'cpu'\n\
         [[expect]]\nsays = 'fork costs more.'\nholds = '{holds}'\n\
         [[expect]]\nsays = 'So does the peer.'\nholds = 'peer.cpu > 1'\n"
    );
    Definition::parse("mine", &text).unwrap()
}

fn outcome(holds: &str) -> Outcome {
    let mut observed = Observed::default();
    for round in 0..3 {
        observed
            .figures
            .add("fork", "cpu", Unit::Microseconds, 1200.0 + f64::from(round));
        observed
            .figures
            .add("prefork", "cpu", Unit::Microseconds, 300.0);
    }
    observed.figures.count("fork", "wrong", 0);
    observed.left_out.push(LeftOut {
        rows: vec!["peer".to_owned()],
        why: "peer: apt install peer".to_owned(),
    });
    Outcome::judge(&lab(holds), observed, true, Duration::ZERO).unwrap()
}

#[test]
fn what_was_seen_is_said_in_80_columns() {
    let mut outcome = outcome("fork.cpu / prefork.cpu > 2");
    outcome.predicted(Some('a'), 'b');
    let text = text(&outcome, View::PLAIN);
    for words in [
        "mine: What does it cost?\n  Asks both.\n",
        "1,201",
        "1,200..1,202",
        "Costs\n  fork     ██",
        "Expected: much.\nObserved: as expected.\n  yes  fork costs more.\n",
        "fork.cpu / prefork.cpu: 4.00 (4 to 4.01); in 3 of 3 rounds\n",
        "  –    So does the peer.\n       left out\n",
        "You predicted a. It came out differently.\n",
        "Left out: peer: apt install peer\n",
        "Why: It copies.\nRead on: chapters/03-fork.md\n",
    ] {
        assert!(text.contains(words), "no {words:?} in\n{text}");
    }
    assert!(text.lines().all(|it| it.chars().count() <= 80), "{text}");
}

#[test]
fn what_is_not_as_expected_names_the_expectation_and_explains_nothing() {
    let text = text(&outcome("fork.cpu < prefork.cpu"), View::PLAIN);
    assert!(
        text.contains("Observed: NOT as expected.\n  NO   fork costs more.\n"),
        "{text}"
    );
    assert!(text.contains("expected: fork.cpu < prefork.cpu"), "{text}");
    assert!(!text.contains("Why:"), "{text}");
}

#[test]
fn a_lab_says_beforehand_what_it_does_and_what_may_be_predicted() {
    let lab = lab("1 < 2");
    let text = announcement(&lab, false, View::PLAIN);
    let expected = "mine: What does it cost?\n  Asks both.\n  This takes about 12 s.\n";
    assert_eq!(text, expected);
    let text = choices(&lab, View::PLAIN);
    assert_eq!(text, "What do you expect?\n  a) nothing\n  b) much\n");
    assert_eq!(
        list(std::slice::from_ref(&lab), usize::MAX),
        "mine  What does it cost?\n"
    );
    assert_eq!(list(&[lab], 20), "mine  What does it\n      cost?\n");
}
