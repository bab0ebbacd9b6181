use super::*;
use crate::lab::figures::Unit;

fn figures() -> Figures {
    let mut figures = Figures::default();
    for (fork, prefork) in [(40.0, 10.0), (44.0, 11.0), (9.0, 12.0)] {
        figures.add("fork", "cpu", Unit::Microseconds, fork);
        figures.add("prefork", "cpu", Unit::Microseconds, prefork);
    }
    figures.count("prefork", "pids", 4);
    figures.count("w4[5ms]", "pids", 4);
    figures
}

fn evaluation(text: &str) -> Evaluation {
    let relation: Relation = text.parse().unwrap();
    relation.evaluate(&figures()).unwrap()
}

#[test]
fn a_relation_holds_by_its_medians_and_says_in_how_many_rounds() {
    let it = evaluation("fork.cpu / prefork.cpu > 3");
    assert_eq!((it.holds, it.rounds, it.held), (true, 3, 2));
    let [value] = &it.values[..] else {
        panic!("the number is no value: {it:?}");
    };
    assert_eq!(value.side, "fork.cpu / prefork.cpu");
    assert_eq!((value.spread.median, value.spread.max), (4.0, 4.0));
    assert_eq!(value.interval, None, "three rounds are too few for one");
    assert!(!evaluation("fork.cpu / prefork.cpu < 3").holds);
}

#[test]
fn chains_products_and_counts() {
    for (text, holds) in [
        ("prefork.pids = w4[5ms].pids", true),
        ("prefork.pids = 5", false),
        ("prefork.pids <= 4", true),
        ("prefork.pids<4", false),
        ("1 < prefork.pids < 5", true),
        ("1 < prefork.pids < 3", false),
        ("2 * prefork.pids / 4 >= 2", true),
        ("0.5*prefork.pids > 2", false),
    ] {
        assert_eq!(evaluation(text).holds, holds, "{text}");
    }
}

#[test]
fn six_rounds_have_an_interval() {
    let mut figures = Figures::default();
    for value in [2.0, 2.1, 1.9, 2.05, 2.02, 1.98] {
        figures.add("a", "x", Unit::Count, value);
    }
    let it: Relation = "a.x > 1".parse().unwrap();
    let value = it.evaluate(&figures).unwrap().values.remove(0);
    let (low, high) = value.interval.unwrap();
    assert!(low < 2.0 && 2.0 < high && high < 2.2, "{value:?}");
}

#[test]
fn a_relation_is_written_as_it_was_read() {
    let text = "0.8 <= worker.rate / prefork.rate <= 1.25";
    assert_eq!(text.parse::<Relation>().unwrap().to_string(), text);
}

#[test]
fn values_have_three_digits_and_whole_numbers_none_behind_the_point() {
    for (value, text) in [
        (4.0, "4"),
        (1234.0, "1234"),
        (1234.5, "1234"),
        (12.345, "12.3"),
        (3.3333, "3.33"),
        (0.0321, "0.032"),
    ] {
        assert_eq!(short(value), text);
    }
}

#[test]
fn complaints_name_what_is_wrong() {
    for (text, words) in [
        ("prefork.cpu", "has none of <"),
        (
            "prefork < 3",
            "'prefork' is neither a number nor ROW.FIGURE",
        ),
        ("a b.c < 3", "'a b.c' is neither"),
        ("< 3", "is empty"),
        ("a.b > ", "is empty"),
    ] {
        let why = text.parse::<Relation>().unwrap_err();
        assert!(why.contains(words), "{text}: {why}");
    }
    let missing: Relation = "fork.cpu < fork.memory".parse().unwrap();
    let why = missing.evaluate(&figures()).unwrap_err();
    assert_eq!(why, "there is no figure fork.memory");
}
