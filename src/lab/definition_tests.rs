use super::*;

const DATA: &str = r#"
    question = "what does a fork cost?"
    does = "Asks."
    explains = "It copies."
    chapter = "03-fork.md"
    choices = ["nothing", "much"]
    answer = "b"
    figures = ["cpu"]
    [[contender]]
    name = "fork"
    run = "fork"
    [[workload]]
    name = "close"
    [[expect]]
    says = "It costs."
    holds = "fork.cpu > 1"
"#;

fn complaint(text: &str) -> String {
    Definition::parse("mine", text).unwrap_err().to_string()
}

#[test]
fn a_file_says_all_that_a_lab_needs() {
    let lab = Definition::parse("mine", DATA).unwrap();
    assert_eq!(
        (lab.name.as_str(), lab.expected_choice()),
        ("mine", Some("much"))
    );
    assert_eq!(lab.bench, Size::default());
    assert_eq!(lab.workloads[0].base, "hello");
    let letters: Vec<char> = lab.lettered().map(|it| it.0).collect();
    assert_eq!(letters, ['a', 'b']);
}

#[test]
fn quick_changes_the_settings_that_it_names() {
    let text = DATA.replace(
        "[[contender]]\n    name = \"fork\"\n    run = \"fork\"\n    \
         [[workload]]\n    name = \"close\"",
        "[settings]\nclients = 6\nwait_ms = 300\n[quick]\nwait_ms = 100",
    );
    let text = format!("code = 'x'\ntakes-s = 2\nquick-takes-s = 1\n{text}");
    let lab = Definition::parse("mine", &text).unwrap();
    assert_eq!(lab.number("clients", true).unwrap(), 6);
    assert_eq!(lab.number("wait_ms", true).unwrap(), 100);
    assert_eq!(lab.number("wait_ms", false).unwrap(), 300);
    let why = lab.number("other", false).unwrap_err().to_string();
    assert_eq!(why, "the lab mine lacks other in [settings]");
}

#[test]
fn complaints_name_the_lab_and_what_is_wrong() {
    for (from, to, words) in [
        (
            "answer = \"b\"",
            "answer = \"c\"",
            "answer = the letter of one",
        ),
        ("question", "queston", "queston"),
        ("fork.cpu > 1", "fork.cpu", "has none of <"),
        ("[\"cpu\"]", "[\"cpus\"]", "'cpus' is no figure: "),
        ("run = \"fork\"", "", "needs either run or peer"),
        (
            "name = \"fork\"",
            "name = \"a fork\"",
            "'a fork' is no name for a row",
        ),
        (
            "choices",
            "code = 'x'\nchoices",
            "either code or contenders",
        ),
    ] {
        let why = complaint(&DATA.replace(from, to));
        assert!(
            why.starts_with("the lab mine: ") && why.contains(words),
            "{why}"
        );
    }
    let (head, _) = DATA.split_once("[[expect]]").unwrap();
    assert!(complaint(head).contains("expect"));
}
