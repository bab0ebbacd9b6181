use super::*;
use crate::bench::budget::warm_up_for;
use crate::lab::entries::Application;

fn lab(more: &str) -> Definition {
    let text = format!(
        "question = 'q'\ndoes = 'd'\nexplains = 'e'\nchapter = 'c.md'\nchoices = ['no', 'yes']\n\
         answer = 'b'\nfigures = ['rate']\n{more}\n\
         [[expect]]\nsays = 'So.'\nholds = '1 < 2'\n"
    );
    Definition::parse("mine", &text).unwrap()
}

const TWO_AXES: &str = "
    axis = { workers = [4, 8], threads = [1, 2] }
    quick-axis = { workers = [4] }
    bench = { cores = [1, 2] }
    [[contender]]
    name = 'w{workers}t{threads}'
    run = 'worker --workers {workers} --threads {threads}'
    [[contender]]
    name = 'fork'
    run = 'fork'
    [[workload]]
    name = '5ms'
    path = '/sleep?ms=5'
    [[workload]]
    name = 'close'
    base = 'close'
    connections = 3
";

#[test]
fn a_contender_is_repeated_for_each_value_that_it_names() {
    let lab = lab(TWO_AXES);
    let all = contenders(&lab, false);
    let names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["w4t1", "w8t1", "w4t2", "w8t2", "fork"]);
    assert_eq!(
        all[3].run.as_deref(),
        Some("worker --workers 8 --threads 2")
    );
    let quick: Vec<String> = contenders(&lab, true)
        .into_iter()
        .map(|it| it.name)
        .collect();
    assert_eq!(quick, ["w4t1", "w4t2", "fork"]);
    assert_eq!(
        rows(&lab, "fork"),
        [
            "fork[5ms]@1",
            "fork[5ms]@2",
            "fork[close]@1",
            "fork[close]@2"
        ]
    );
}

#[test]
fn a_workload_is_one_of_the_bench_with_changes() {
    let lab = lab(TWO_AXES);
    let workloads: Vec<Workload> = lab
        .workloads
        .iter()
        .map(|it| it.workload().unwrap())
        .collect();
    let [waiting, close] = &workloads[..] else {
        panic!("{workloads:?}");
    };
    assert_eq!(
        (waiting.path.as_str(), waiting.keep_alive),
        ("/sleep?ms=5", true)
    );
    assert_eq!((close.path.as_str(), close.keep_alive), ("/", false));
    assert_eq!(close.connections, 3);
}

#[test]
fn the_time_grows_with_all_that_is_measured() {
    // No machine has so many processors that it measures with these.
    let lab = lab(&TWO_AXES.replace("cores = [1, 2]", "cores = [1, 1000000]"));
    let window = Duration::from_secs_f64(0.5);
    let slot = window + warm_up_for(window) + OVERHEAD;
    assert_eq!(takes(&lab, false), slot * (5 * 2 * 6));
    assert!(takes(&lab, true) < takes(&lab, false) / 4);
}

#[test]
fn an_application_fits_into_half_of_the_free_memory() {
    let application = |copies| Application {
        mib: 3,
        quick_mib: 2,
        copies,
    };
    assert_eq!(size_of(&application(1), false), (3, None));
    assert_eq!(size_of(&application(1), true), (2, None));
    let (mib, note) = size_of(&application(u64::MAX), false);
    assert_eq!(mib, 1);
    assert!(
        note.unwrap()
            .starts_with("The application has 1 MiB instead of 3:")
    );
}

#[test]
fn a_change_of_a_recipe_has_to_find_its_place() {
    let scratch = Scratch::new().unwrap();
    let entrant = Entrant {
        name: "c".to_owned(),
        run: None,
        peer: Some("c-prefork".to_owned()),
        replace: BTreeMap::from([("no such line".to_owned(), String::new())]),
    };
    match entrant.contender(&scratch) {
        Err(why) => assert!(why.to_string().contains("has no 'no such line'"), "{why}"),
        // A machine without a C compiler.
        Ok(Err(missing)) => assert!(missing.contains("install"), "{missing}"),
        Ok(Ok(_)) => panic!("nothing was replaced"),
    }
    let unknown = Entrant {
        peer: Some("iis".to_owned()),
        ..entrant
    };
    let why = unknown.contender(&scratch).unwrap_err().to_string();
    assert_eq!(why, "'iis' is no peer of the bench");
}
