//! The dashboard says of every task that runs beside requests what it does.

use std::{fs, path::Path};

/// The names that tasks give themselves, up to a colon, of every file below `dir`.
fn names(dir: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names(&path, found);
            continue;
        }
        if path.extension().is_none_or(|end| end != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let source = text.split("#[cfg(test)]").next().unwrap_or_default();
        for task in source.split("impl Task for ").skip(1) {
            let name = task.split_once("fn name(&self) -> String {").unwrap().1.split('"').nth(1).unwrap();
            found.push(name.split(':').next().unwrap_or(name).to_owned());
        }
    }
}

#[test]
fn the_dashboard_says_of_every_task_what_it_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let words = fs::read_to_string(root.join("src/dashboard/assets/words.js")).unwrap();
    let tasks = words.split_once("export const TASKS = {").unwrap().1.split_once("};").unwrap().0;
    let mut found = Vec::new();
    names(&root.join("src"), &mut found);
    assert!(found.len() > 10, "{found:?}");
    for name in found {
        let is_told = [format!(" {name}: \""), format!("\"{name}\": \"")].iter().any(|key| tasks.contains(key));
        assert!(is_told, "the dashboard doesn't say what {name} does");
    }
}
