//! The rooms of the crate depend on each other in one direction: ARCHITECTURE.md gives the order, the sources are held to it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The rooms as ARCHITECTURE.md lists them, lowest first; those of one level don't know each other.
fn order() -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, after) =
        text.split_once("## The order of rooms").expect("ARCHITECTURE.md says in which order rooms may use each other");
    let block = after.split("```").nth(1).expect("the order is a block of its own");
    block.split('<').map(|level| level.split_whitespace().map(str::to_owned).collect()).collect()
}

pub(super) fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The names that follow `crate::` (or as many `super::` as lead out of the file's room): one, or those of a group.
fn rooms_used(text: &str, depth: usize) -> BTreeSet<String> {
    let code: String = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |code, line| code + line + "\n");
    let out_of_room = "super::".repeat(depth);
    let starts = ["crate::", out_of_room.as_str()];
    let mut used = BTreeSet::new();
    for start in starts.into_iter().filter(|start| !start.is_empty()) {
        for (at, _) in code.match_indices(start) {
            // `$crate::`, or a longer chain of `super::`.
            if code[..at].ends_with(['$', ':', '_'])
                || code[..at].chars().next_back().is_some_and(char::is_alphanumeric)
            {
                continue;
            }
            used.extend(names_after(&code[at + start.len()..]));
        }
    }
    used
}

/// `a` of `a::b`, or `a` and `c` of `{a::{b}, c}`.
fn names_after(path: &str) -> Vec<String> {
    let name = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![name(path)] };
    let (mut depth, mut names, mut current) = (0, Vec::new(), String::new());
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => names.push(std::mem::take(&mut current)),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                current.push(c);
            }
        }
    }
    names.push(current);
    names.iter().map(|one| name(one)).filter(|one| !one.is_empty()).collect()
}

#[test]
fn rooms_use_only_rooms_below_them() {
    let order = order();
    let level_of = |room: &str| order.iter().position(|level| level.iter().any(|one| one == room));
    let mut files = Vec::new();
    sources(&root().join("src"), &mut files);
    let (mut rooms, mut wrong, mut arrows) = (BTreeSet::from(["ledger".to_owned()]), Vec::new(), BTreeSet::new());
    for file in files {
        let relative = file.strip_prefix(root().join("src")).unwrap();
        let parts: Vec<&str> = relative.iter().filter_map(|part| part.to_str()).collect();
        let room = parts[0].trim_end_matches(".rs").to_owned();
        if room == "main" || room == "lib" {
            continue;
        }
        rooms.insert(room.clone());
        // `src/room/mod.rs` and `src/room.rs` are one `super::` away from the other rooms, `src/room/a.rs` two.
        let depth = parts.len() - usize::from(parts.len() > 1 && parts.last() == Some(&"mod.rs"));
        for used in rooms_used(&fs::read_to_string(&file).unwrap(), depth) {
            let (Some(of_room), Some(of_used)) = (level_of(&room), level_of(&used)) else { continue };
            if used != room {
                arrows.insert((room.clone(), used.clone()));
                if of_used >= of_room {
                    wrong.push(format!("src/{} uses {used}, which is not below {room}", relative.display()));
                }
            }
        }
    }
    assert!(arrows.len() > 50, "imports are found: {arrows:?}");
    let listed: Vec<String> = order.iter().flatten().cloned().collect();
    let twice: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(twice.len(), listed.len(), "each room is listed once");
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), rooms, "the order lists the rooms there are");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn imports_are_read_as_they_are_written() {
    let text = "use crate::{\n    a::{x, crate_like},\n    b,\n    c::y,\n};\nfn f() { crate::d::g(); super::super::e::h() }\n\
                // crate::comment::x\n#[cfg(test)]\nmod tests {\n    use crate::f;\n}\n";
    let found = rooms_used(text, 2);
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "b", "c", "d", "e"]);
}
