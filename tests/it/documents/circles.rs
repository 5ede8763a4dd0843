//! No two files of the crates use each other, directly or round about: whoever reads one can read first what it uses.
//!
//! Imports are what counts, and paths that begin with `crate::` or `super::`. A name that a file only hands on (`pub use`) is that
//! of the file it comes from. Statements in a `body/` of the store are compiled against each database's dialect: what they take
//! from it lies beyond their own folder and isn't followed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::rooms::{root, sources};

/// A module's names from the crate's root on.
type Module = Vec<String>;

/// A path in use: the module where it begins, and the names that follow.
type Used = (Module, Vec<String>);

/// What one file says of others.
#[derive(Default)]
struct File {
    /// Where it lies.
    path: String,
    uses: Vec<Used>,
    /// What it hands on, by name.
    hands_on: BTreeMap<String, Used>,
    /// The modules all of whose names it hands on.
    hands_all_on: Vec<Used>,
    code: String,
}

impl File {
    /// Whether a name is its own.
    fn declares(&self, name: &str) -> bool {
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        ["struct", "enum", "trait", "type", "fn", "const", "static"].iter().any(|kind| {
            let declared = format!("{kind} {name}");
            self.code.match_indices(&declared).any(|(at, _)| ends(&self.code[at + declared.len()..]))
        })
    }
}

/// A file's text without comments, and without the modules within it: `super` is another there.
fn code_of(text: &str) -> String {
    let (mut code, mut within) = (String::new(), false);
    for line in text.lines() {
        within |=
            line.ends_with('{') && (line.starts_with("mod ") || (line.starts_with("pub") && line.contains(" mod ")));
        if !within {
            let told = line.split("//").next().unwrap_or_default();
            // Who may see a thing isn't what it uses.
            match told.split_once("pub(in ").and_then(|(before, rest)| Some((before, rest.split_once(')')?.1))) {
                Some((before, after)) => code.extend([before, "pub", after]),
                None => code.push_str(told),
            }
            code.push('\n');
        }
        within &= line != "}";
    }
    code
}

/// The paths in a tree of imports: `a::{b, c::d as e}` is `a::b` and `a::c::d`.
fn spread(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        return if path.is_empty() { Vec::new() } else { vec![path.to_owned()] };
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut depth, mut parts, mut part) = (0, Vec::new(), String::new());
    for c in inner.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 { parts.push(std::mem::take(&mut part)) } else { part.push(c) }
    }
    parts.push(part);
    parts.iter().flat_map(|part| spread(part)).map(|path| format!("{before}{path}")).collect()
}

/// From where a path goes on, if it stays within the crate.
fn begin(path: &str, module: &Module, files: &BTreeMap<Module, String>) -> Option<Used> {
    let mut names: Vec<String> = path.split("::").map(|name| name.trim().to_owned()).collect();
    let mut at = match names.first()?.as_str() {
        "crate" => Module::new(),
        "self" | "super" => module.clone(),
        first => {
            let child: Module = module.iter().cloned().chain([first.to_owned()]).collect();
            files.contains_key(&child).then(|| module.clone())?
        }
    };
    if matches!(names[0].as_str(), "crate" | "self") {
        names.remove(0);
    }
    while names.first().is_some_and(|name| name == "super") {
        names.remove(0);
        at.pop()?;
    }
    Some((at, names))
}

/// What a file uses of its crate.
fn read(text: &str, module: &Module, files: &BTreeMap<Module, String>) -> File {
    let mut file = File::default();
    let (code, mut rest) = (code_of(text), String::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let import = line.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub(super) ");
        let (shown, import) = (line.trim_start().starts_with("pub"), import.trim_start_matches("pub "));
        let Some(tree) = import.strip_prefix("use ") else {
            rest.push_str(line);
            rest.push('\n');
            continue;
        };
        let mut tree = tree.to_owned();
        while !tree.contains(';') {
            // A line of a longer text may begin like an import: it leads nowhere.
            let Some(line) = lines.next() else { break };
            tree.push_str(line);
        }
        let tree = tree.split(';').next().unwrap_or_default();
        for used in spread(tree).iter().filter_map(|path| begin(path, module, files)) {
            match used.1.last().map(String::as_str) {
                Some("*") if shown => file.hands_all_on.push((used.0, used.1[..used.1.len() - 1].to_vec())),
                Some(name) if shown => drop(file.hands_on.insert(name.to_owned(), used)),
                _ => file.uses.push(used),
            }
        }
    }
    for start in ["crate::", "super::"] {
        for (at, _) in rest.match_indices(start) {
            let before = rest[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '$')) {
                continue;
            }
            let path: String =
                rest[at..].chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':')).collect();
            file.uses.extend(begin(path.trim_end_matches(':'), module, files));
        }
    }
    File { code, ..file }
}

/// The module that a path leads to, through whatever hands it on.
fn target(used: &Used, files: &BTreeMap<Module, File>, depth: u32) -> Option<Module> {
    let (mut at, mut names) = used.clone();
    while let Some(name) = names.first() {
        let child: Module = at.iter().cloned().chain([name.clone()]).collect();
        if !files.contains_key(&child) {
            break;
        }
        at = child;
        names.remove(0);
    }
    let file = files.get(&at)?;
    let Some(name) = names.first().filter(|_| depth < 8) else { return Some(at) };
    if let Some((from, path)) = file.hands_on.get(name) {
        let path = path.iter().cloned().chain(names[1..].iter().cloned()).collect();
        return target(&(from.clone(), path), files, depth + 1);
    }
    if !file.declares(name) {
        let of_all = file.hands_all_on.iter().filter_map(|used| target(used, files, depth + 1));
        if let Some(module) = of_all.into_iter().find(|module| files[module].declares(name)) {
            return Some(module);
        }
    }
    Some(at)
}

/// The files of a crate under a folder, by their paths in it.
fn files_of(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(folder, &mut found);
    let read =
        |path: &PathBuf| (path.strip_prefix(folder).unwrap().display().to_string(), fs::read_to_string(path).unwrap());
    found.iter().map(read).collect()
}

/// How many files use another, each counted once, and the files of each circle; tests are left out.
fn circles(given: &[(String, String)]) -> (usize, Vec<BTreeSet<String>>) {
    let mut texts: BTreeMap<Module, String> = BTreeMap::new();
    let mut paths: BTreeMap<Module, String> = BTreeMap::new();
    for (path, text) in given {
        let mut module: Module = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod") || module == ["lib"] {
            module.pop();
        }
        if module != ["main"] && !module.iter().any(|name| name == "tests") {
            texts.insert(module.clone(), text.clone());
            paths.insert(module, path.clone());
        }
    }
    let files: BTreeMap<Module, File> = texts
        .iter()
        .map(|(module, text)| (module.clone(), File { path: paths[module].clone(), ..read(text, module, &texts) }))
        .collect();
    let arrows: BTreeMap<&Module, BTreeSet<Module>> = files
        .iter()
        .map(|(module, file)| {
            let used = file.uses.iter().filter_map(|used| target(used, &files, 0));
            (module, used.filter(|used| used != module).collect())
        })
        .collect();
    let reached = |from: &Module| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(module) = next.pop() {
            next.extend(arrows[module].iter().filter(|used| seen.insert((*used).clone())));
        }
        seen
    };
    let reach: BTreeMap<&Module, BTreeSet<Module>> = files.keys().map(|module| (module, reached(module))).collect();
    let circle = |module: &Module| -> Option<BTreeSet<String>> {
        let round = reach[module].iter().filter(|other| reach[*other].contains(module));
        let round: BTreeSet<String> = round.map(|other| files[other].path.clone()).collect();
        (!round.is_empty()).then_some(round)
    };
    let circles: BTreeSet<BTreeSet<String>> = files.keys().filter_map(circle).collect();
    (arrows.values().map(BTreeSet::len).sum(), circles.into_iter().collect())
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    for folder in ["src", "crates/ledger/src"] {
        let (arrows, circles) = circles(&files_of(&root().join(folder)));
        assert!(arrows > 100, "imports are found: {arrows} in {folder}");
        let circles: Vec<String> =
            circles.iter().map(|files| files.iter().cloned().collect::<Vec<_>>().join(" ")).collect();
        assert!(circles.is_empty(), "in {folder} these use each other:\n{}", circles.join("\n"));
    }
}

#[test]
fn imports_lead_to_the_files_they_come_from() {
    let text = "use super::{b::Thing, c::{self, Other as Another}};\npub use self::inner::Shown;\n// crate::comment::x\n\
                fn f() { super::d::g(); $crate::no::way() }\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
    let module: Module = vec!["room".into(), "a".into()];
    let inner: Module = vec!["room".into(), "a".into(), "inner".into()];
    let file = read(text, &module, &BTreeMap::from([(inner, String::new())]));
    let shown = |(at, names): &Used| format!("{}>{}", at.join("::"), names.join("::"));
    assert_eq!(
        file.uses.iter().map(shown).collect::<Vec<_>>(),
        ["room>b::Thing", "room>c::self", "room>c::Other", "room>d::g"]
    );
    assert_eq!(file.hands_on.values().map(shown).collect::<Vec<_>>(), ["room::a>inner::Shown"]);
    let mut texts = [
        ("lib.rs", "pub mod a;\nmod b;\nmod c;\n"),
        ("a.rs", "pub use super::b::Thing;\nuse super::c::Third;\n"),
        ("b.rs", "pub struct Thing;\n"),
        ("c.rs", "use crate::a::Thing;\n"),
    ]
    .map(|(path, text)| (path.to_owned(), text.to_owned()));
    // What `c` takes from `a` is of `b`: no circle yet.
    assert_eq!(circles(&texts), (2, Vec::new()));
    texts[2].1 = "use super::a::x;\n".to_owned();
    let round: BTreeSet<String> = ["a.rs", "b.rs", "c.rs"].map(str::to_owned).into();
    assert_eq!(circles(&texts), (3, vec![round]));
}
