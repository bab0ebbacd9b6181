use super::*;

fn grid(names: [&str; 2]) -> Grid {
    let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
    let mut grid = Grid::with_heads(["model", "20", "200"]);
    grid.push(row([names[0], "1,234\n12 refused", "9"]));
    grid.push_with(row([names[1], "7", ""]), "15 of 16 wait".to_owned());
    grid
}

#[test]
fn figures_end_in_their_column_and_cells_may_be_high() {
    let expected = "\
model          20  200
──────────────────────
epoll       1,234    9
       12 refused
fork            7
  15 of 16 wait
";
    assert_eq!(grid(["epoll", "fork"]).text(100), expected);
}

#[test]
fn long_names_are_broken_between_words() {
    let text = grid(["prefork --accept flock", "fork"]).text(32);
    assert!(
        text.contains("\nprefork --\n") || text.contains("\nprefork "),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 32),
        "{text}"
    );
}

#[test]
fn columns_go_where_there_is_no_room() {
    let grid = grid(["epoll", "fork"]).expending(&[2, 1]);
    assert!(grid.text(22).contains("200"));
    assert!(!grid.text(21).contains("200") && grid.text(21).contains("1,234"));
    assert!(!grid.text(15).contains("1,234"));
}

#[test]
fn every_line_of_markdown_has_the_same_cells() {
    let text = grid(["a|b *c* <d>", "fork"]).markdown();
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(text.lines().all(|line| cells(line) == 5), "{text}");
    assert!(text.contains("a\\|b \\*c\\* \\<d\\>"), "{text}");
}
