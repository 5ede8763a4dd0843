//! Rules are cited by name: each name cited exists, each rule is cited by a test, and no document is cited that isn't here.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Where code, tests and texts lie that may cite a rule or a document.
const PLACES: &[&str] =
    &["src", "crates", "tests/it", "benches", "docs", "config", "deploy", "fuzz/fuzz_targets", "scripts"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file below the checkout's own folders, with its path from the root.
fn texts() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = PLACES.iter().map(|place| root().join(place)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("node_modules") && !path.ends_with("vendor") && !path.ends_with("target") {
                    folders.push(path);
                }
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.push((path.strip_prefix(root()).unwrap().display().to_string(), text));
            }
        }
    }
    for file in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile"] {
        found.push((file.to_owned(), fs::read_to_string(root().join(file)).unwrap()));
    }
    found
}

/// The names behind the word "rule", one, and behind "rules", several with commas and "and", sorted.
fn cited(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for marker in ["rule `", "rules `", "Rule `", "Rules `"] {
        for (start, _) in text.match_indices(marker) {
            let mut rest = &text[start + marker.len()..];
            while let Some((name, after)) = rest.split_once('`') {
                if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c == '-') {
                    break;
                }
                names.push(name.to_owned());
                let next = after.strip_prefix(", `").or_else(|| after.strip_prefix(" and `"));
                match next {
                    Some(more) => rest = more,
                    None => break,
                }
            }
        }
    }
    names.sort();
    names
}

#[test]
fn a_citation_is_read_with_every_name_in_it() {
    assert_eq!(cited("(rule `netting`) and rules `ends`, `gaps` and `kinds`."), ["ends", "gaps", "kinds", "netting"]);
    assert!(cited("the rule of `Thing`").is_empty());
}

#[test]
fn every_cited_rule_exists() {
    let known: BTreeSet<&str> = mrrd::rules::all().iter().map(|rule| rule.name).collect();
    let mut wrong = Vec::new();
    for (path, text) in texts() {
        let unknown = cited(&text).into_iter().filter(|name| !known.contains(name.as_str()));
        wrong.extend(unknown.map(|name| format!("{path} cites the rule {name}, which docs/rules.md lacks")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_test_that_names_it() {
    let is_test = |path: &str| path.starts_with("tests/") || path.contains("/tests") || path.ends_with("laws.rs");
    let tests_of = |path: &str, text: &str| match text.split_once("#[cfg(test)]\nmod tests {") {
        _ if is_test(path) => cited(text),
        Some((_, tests)) => cited(tests),
        None => Vec::new(),
    };
    let tested: BTreeSet<String> = texts().iter().flat_map(|(path, text)| tests_of(path, text)).collect();
    let missing: Vec<&str> =
        mrrd::rules::all().iter().map(|rule| rule.name).filter(|name| !tested.contains(*name)).collect();
    assert!(missing.is_empty(), "no test cites the rules {missing:?}: name them where they are tested");
}

#[test]
fn every_document_that_is_named_is_here() {
    let documents = ["mrr", "stripe", "interface", "alerts", "architecture", "insight", "wire", "rules", "glossary"];
    let mut wrong = Vec::new();
    for (path, text) in texts() {
        for name in documents {
            let file = format!("{name}.md");
            for (at, _) in text.match_indices(&file) {
                // `docs/rules.md`, a link beside the document itself, or a file's name in a shell example.
                let before = &text[..at];
                let here = before.ends_with("docs/")
                    || before.ends_with("(../")
                    || path.starts_with("docs/")
                    || before.ends_with("> ");
                if !here || !root().join("docs").join(&file).exists() {
                    let line = before.matches('\n').count() + 1;
                    wrong.push(format!("{path}:{line} names {file}, which is not there by that path"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} such places:\n{}", wrong.len(), wrong.join("\n"));
}
