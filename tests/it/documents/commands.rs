//! Every command and option that a document shows exists.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

/// The lines of code blocks that call mrrd, without what a shell adds.
fn shown() -> Vec<(String, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guides = fs::read_dir(root.join("docs/guides")).unwrap().map(|entry| entry.unwrap().path());
    let mut found = Vec::new();
    for path in guides.chain([root.join("README.md"), root.join("docs/recipes.md")]) {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        let blocks = text.split("```").skip(1).step_by(2);
        for line in blocks.flat_map(str::lines).map(str::trim) {
            let Some(at) = line.find("mrrd ") else { continue };
            let before = &line[..at];
            // Behind a variable or `sudo -u mrrd`; not a file's name or a unit's.
            if !(before.is_empty() || before.ends_with("… ") || before.ends_with("-u ")) {
                continue;
            }
            let call = line[at..].trim_start_matches("mrrd mrrd").trim_start_matches("mrrd");
            let call = call.split(" #").next().unwrap_or_default();
            found.push((name.clone(), call.split_whitespace().map(str::to_owned).collect()));
        }
    }
    found
}

fn help(path: &[&str]) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_mrrd")).args(path).arg("--help").output().unwrap();
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn every_command_and_option_that_a_document_shows_exists() {
    let calls = shown();
    assert!(calls.len() > 20, "only {} calls of mrrd were found", calls.len());
    let mut helps: BTreeMap<Vec<String>, String> = BTreeMap::new();
    for (document, words) in calls {
        let is_name =
            |word: &&String| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
        let names: Vec<&str> = words.iter().take_while(is_name).map(String::as_str).collect();
        // The longest row of words that is a command: what follows are arguments.
        let command = (1..=names.len().min(2)).rev().map(|length| &names[..length]).find(|path| {
            let key: Vec<String> = path.iter().map(|word| (*word).to_owned()).collect();
            helps.contains_key(&key) || help(path).map(|text| helps.insert(key, text)).is_some()
        });
        let Some(command) = command else { panic!("{document} shows `mrrd {}`, which is no command", words.join(" ")) };
        let key: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        for option in words.iter().filter(|word| word.starts_with("--")) {
            let name = option.split('=').next().unwrap_or(option);
            assert!(helps[&key].contains(name), "{document} shows `mrrd {}`, which has no {name}", words.join(" "));
        }
    }
}
