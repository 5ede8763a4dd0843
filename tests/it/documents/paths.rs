//! Every source file that the map or a recipe names is there, and the map stays short.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.insert(path);
        }
    }
}

/// `of/{this,that}.rs` as both.
fn spelled_out(name: &str) -> Vec<String> {
    let Some((before, rest)) = name.split_once('{') else { return vec![name.to_owned()] };
    let (inside, after) = rest.split_once('}').unwrap_or_else(|| panic!("{name} has an open brace"));
    inside.split(',').map(|one| format!("{before}{}{after}", one.trim())).collect()
}

/// It is read from top to bottom by whoever comes new: what needs more lines belongs into another document.
#[test]
fn the_map_has_at_most_150_lines() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    assert!(map.lines().count() <= 150, "ARCHITECTURE.md has {} lines", map.lines().count());
}

#[test]
fn every_source_file_that_the_map_or_a_recipe_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut there = BTreeSet::new();
    for folder in ["src", "crates/ledger/src", "tests/it", "benches"] {
        files(&root.join(folder), &mut there);
    }
    let mut named = 0;
    for document in ["ARCHITECTURE.md", "docs/recipes.md"] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        for name in text.split('`').skip(1).step_by(2).filter(|name| name.ends_with(".rs")) {
            for name in spelled_out(name) {
                named += 1;
                // A name stands beside that of its room: what it ends with is enough.
                assert!(there.iter().any(|path| path.ends_with(&name)), "{document} names {name}, which isn't there");
            }
        }
    }
    assert!(named > 60, "only {named} files were found in the documents");
}
