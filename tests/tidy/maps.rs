//! The maps of the source say what the table of arrows says.

use std::fs;

use super::{ARROWS, root};

/// The first cell of each row of the table that begins with this head, and the last cell.
fn rows(text: &str, head: &str) -> Vec<(String, String)> {
    let table = text.lines().skip_while(|line| !line.starts_with(head));
    let rows = table.skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells[0].trim_matches(['`', '/', '[', ']', '(', ')']);
        let name = name.trim_end_matches(".rs").trim_start_matches("mod@");
        (name.to_owned(), cells[cells.len() - 1].to_owned())
    })
    .collect()
}

/// `sys`, `http, sys`, `nothing` or `all but master, serve`: the rooms.
fn imports(room: &str, cell: &str) -> Vec<String> {
    let list = |text: &str| -> Vec<String> { text.split(", ").map(str::to_owned).collect() };
    let mut rooms = match cell.strip_prefix("all but ") {
        Some(absent) => {
            let absent = list(absent);
            let at = ARROWS.iter().position(|(name, _)| *name == room).unwrap();
            let below = ARROWS[at + 1..].iter().map(|(name, _)| (*name).to_owned());
            below.filter(|name| !absent.contains(name)).collect()
        }
        None if cell == "nothing" => Vec::new(),
        None => list(cell),
    };
    rooms.sort_unstable();
    rooms
}

#[test]
fn architecture_has_the_rooms_and_their_imports() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = rows(&text, "| room |");
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    let rooms: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, rooms, "the rooms of ARCHITECTURE.md, in order");
    for ((room, cell), (_, below)) in rows.iter().zip(ARROWS) {
        let mut below: Vec<String> = below.iter().map(|it| (*it).to_owned()).collect();
        below.sort_unstable();
        assert_eq!(imports(room, cell), below, "what {room} imports");
    }
}

#[test]
fn the_library_lists_the_rooms_in_the_same_order() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let text = text.replace("//! ", "");
    let rows = rows(&text, "| room |");
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    let rooms: Vec<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, rooms[1..], "the rooms of src/lib.rs, without main");
}
