//! `who-waits`: one model alone, and the lanes of its clients.

use super::lab;

#[test]
fn one_model_fills_its_pool_and_the_fourth_client_waits() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().to_str().unwrap();
    let output = lab(&[
        "who-waits",
        "prefork",
        "--lanes",
        "--quick",
        "--svg",
        "--out",
        out,
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(!text.contains("iterative["), "only one model: {text}");
    let lanes = text.split_once("prefork[slow-client]: ").unwrap().1;
    let lane = |client: &str| lanes.lines().find(|it| it.starts_with(client)).unwrap();
    // The queue, and then a worker.
    assert!(lane("quick 2").contains('·'), "{lanes}");
    assert!(lane("slow").contains('─'), "{lanes}");
    for scene in ["slow-client", "slow-handler"] {
        let file = directory
            .path()
            .join(format!("who-waits-{scene}-prefork.svg"));
        let drawing = std::fs::read_to_string(file).unwrap();
        assert!(drawing.contains("quick 4"), "{drawing}");
    }
}
