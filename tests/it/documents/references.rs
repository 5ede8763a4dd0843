//! The generated references under docs/: made from the binary and its sources, and compared here.
//! `UPDATE_DOCS=1 cargo test --test it documents` writes them anew.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, process::Command};

use serde_json::Value;

use crate::support::daemon::Settings;

/// Compares a generated text with the file of that name under docs/, or writes the file when it is told to.
fn hold(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        return;
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    let differs = there.lines().zip(text.lines()).find(|(old, new)| old != new);
    assert!(
        there == text,
        "docs/{file} isn't what the binary says (first difference: {differs:?}); write it anew with UPDATE_DOCS=1 cargo \
         test --test it documents"
    );
}

fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Neighbouring string literals of a source, `"name", "Text"`, of which the first is a name.
fn named(path: &str, name: impl Fn(&str) -> bool) -> BTreeSet<(String, String)> {
    let text = source(path);
    let pieces: Vec<&str> = text.split('"').collect();
    let pairs = pieces.windows(3).filter(|three| {
        name(three[0])
            && three[1].trim() == ","
            && three[2].starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit())
    });
    pairs.map(|three| (three[0].to_owned(), three[2].to_owned())).collect()
}

#[test]
fn every_command() {
    hold("reference/cli.md", &mrrd::cli::reference());
}

#[test]
fn every_key() {
    let defaults = source("config/default.toml");
    hold(
        "reference/configuration.md",
        &format!(
            "# Configuration\n\nEvery key with its default and what it means: `config/default.toml`, which is compiled in. Each \
             key `a.b` can be\nset as `MRRD_A__B`; [interface](../interface.md) says where files are looked for.\n\n\
             ```toml\n{}\n```\n",
            defaults.trim_end()
        ),
    );
}

#[test]
fn every_route() {
    let output = Command::new(env!("CARGO_BIN_EXE_mrrd")).arg("openapi").output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut text = String::from(
        "# HTTP API\n\nEvery route with its parameters, from `mrrd openapi`, which also has the shapes of the answers.\n",
    );
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, route) in methods.as_object().unwrap() {
            let says = route["summary"].as_str().or(route["description"].as_str()).unwrap_or_default();
            writeln!(text, "\n## {} {path}\n{says}\n", method.to_uppercase()).unwrap();
            for one in route["parameters"].as_array().into_iter().flatten() {
                let words: Vec<&str> = one["description"].as_str().unwrap_or_default().split_whitespace().collect();
                writeln!(
                    text,
                    "- `{}` ({}): {}",
                    one["name"].as_str().unwrap(),
                    one["in"].as_str().unwrap(),
                    words.join(" ")
                )
                .unwrap();
            }
            let statuses: Vec<&String> = route["responses"].as_object().unwrap().keys().collect();
            let statuses: Vec<&str> = statuses.iter().map(|status| status.as_str()).collect();
            writeln!(text, "\nAnswers: {}", statuses.join(", ")).unwrap();
        }
    }
    hold("reference/api.md", &text);
}

#[test]
fn every_metric() {
    let is_metric = |name: &str| name.len() > 3 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let mut text = String::from(
        "# Metrics\n\nWhat `/metrics` shows, without the prefix `mrrd_`; counters end in `_total`. Money is shown only with a \
         token.\n\n| metric | what it is |\n|---|---|\n",
    );
    let mut all = named("src/telemetry/metrics.rs", is_metric);
    all.extend(named("src/telemetry/money.rs", is_metric));
    for (name, help) in all {
        writeln!(text, "| `{name}` | {help} |").unwrap();
    }
    hold("reference/metrics.md", &text);
}

#[test]
fn every_cause() {
    let mut text = String::from(
        "# Kinds and causes\n\nWhat the rules `kinds`, `causes` and `roll-ups` name, as the API writes it.\n\n| cause | roll-up |\n|---|---|\n",
    );
    for cause in mrrd::ledger::outcome::Cause::ALL {
        writeln!(text, "| `{}` | {} |", cause.as_str(), cause.rollup().as_str()).unwrap();
    }
    hold("reference/causes.md", &text);
}

#[test]
fn every_problem() {
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_problem = |name: &str| name.len() > 3 && name.chars().all(is_letter);
    let mut text = String::from(
        "# Problems\n\nEvery refusal is `application/problem+json` (RFC 9457) with the `type` `urn:mrrd:problem:NAME`; its `detail` \
         says what to do.\n\n| name | title |\n|---|---|\n",
    );
    let places = ["src/api/problem.rs", "src/receiver/refusal.rs", "src/daemon/mod.rs", "src/daemon/health.rs"];
    let mut all: BTreeSet<_> = places.iter().flat_map(|path| named(path, is_problem)).collect();
    // Webhooks that aren't taken in are named where they are read: `Self::Missing => "signature-missing",`.
    for (path, title) in [
        ("src/stripe/signature.rs", "The webhook is not verified"),
        ("src/stripe/envelope.rs", "The body is not an event"),
    ] {
        assert!(source("src/receiver/refusal.rs").contains(&format!("\"{title}\"")), "{title}");
        let text = source(path);
        let (_, slugs) = text.split_once("fn slug(").expect("what is refused is named");
        let (slugs, _) = slugs.split_once("\n    }\n").expect("the names end");
        all.extend(slugs.split('"').filter(|name| is_problem(name)).map(|name| (name.to_owned(), title.to_owned())));
    }
    for (name, title) in all {
        writeln!(text, "| `{name}` | {title} |").unwrap();
    }
    hold("reference/problems.md", &text);
}

/// A column that a migration added to a table.
struct Added {
    table: String,
    /// As it was declared, which is how SQLite repeats it.
    declared: String,
    /// Behind `--`, in the migration; empty where it says nothing.
    comment: String,
}

/// Those of SQLite's migrations, in their order.
fn added_columns() -> Vec<Added> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut added = Vec::new();
    for line in
        files.iter().flat_map(|file| fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
    {
        let Some((table, rest)) = line.strip_prefix("ALTER TABLE ").and_then(|rest| rest.split_once(" ADD COLUMN "))
        else {
            continue;
        };
        let (declared, comment) = rest.split_once(';').unwrap_or_else(|| panic!("{line:?} has no end"));
        let comment = comment.trim().trim_start_matches("--").trim();
        added.push(Added { table: table.into(), declared: declared.into(), comment: comment.into() });
    }
    added
}

/// SQLite writes an added column right behind the last one, before that one's comment: here it has a line, and its own comment.
fn with_a_line_for_each_added_column(sql: &str, added: &[Added]) -> String {
    let name = sql
        .strip_prefix("CREATE TABLE ")
        .and_then(|rest| rest.split([' ', '(']).next())
        .map(|name| name.trim_matches('"'));
    let (mut sql, mut own) = (sql.to_owned(), Vec::new());
    for column in added.iter().filter(|column| name == Some(&column.table)) {
        // What was dropped again, or made anew with the table, isn't behind another.
        if let Some(at) = sql.find(&format!(", {}", column.declared)) {
            sql.replace_range(at..at + 2 + column.declared.len(), "");
            own.push(column);
        }
    }
    if own.is_empty() {
        return sql;
    }
    let mut lines: Vec<String> = sql.lines().map(str::to_owned).collect();
    let after = lines.iter().position(|line| line.starts_with("    PRIMARY KEY (") || line.starts_with(')')).unwrap();
    let ends = lines[after].starts_with(')');
    let last = &mut lines[after - 1];
    let code = last.split(" --").next().unwrap().trim_end().len();
    if !last[..code].ends_with(',') {
        // The comment stays where it stood.
        last.replace_range(code..(code + 1).min(last.len()), ",");
    }
    for (place, column) in own.iter().enumerate() {
        let comma = if ends && place + 1 == own.len() { "" } else { "," };
        let comment = if column.comment.is_empty() { String::new() } else { format!(" -- {}", column.comment) };
        lines.insert(after + place, format!("    {}{comma}{comment}", column.declared));
    }
    lines.join("\n")
}

#[tokio::test]
async fn the_schema() {
    let daemon = Settings::default().start().await;
    let mut text = String::from(
        "-- The schema as it stands after every migration, as SQLite has it; PostgreSQL has the same tables and columns in one\n\
         -- database, with its own types, bodies in a partition for each month, and triggers of its own (migrations/postgres).\n\
         -- First the log and the records beside it, then what is derived, which can be deleted and is made again.\n",
    );
    let added = added_columns();
    for file in ["mrrd.db", "mrrd.derived.db"] {
        writeln!(text, "\n-- {file}").unwrap();
        let path = daemon.dir().join(file);
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).read_only(true);
        let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
        // A generation's own indices come with it, and this daemon may have none yet.
        let rows: Vec<(String,)> = sqlx::query_as(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_sqlx%' ESCAPE '\\'
             AND name NOT GLOB '*_[0-9]' ORDER BY tbl_name, type DESC, name",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        for (sql,) in rows {
            writeln!(text, "{};", with_a_line_for_each_added_column(&sql, &added)).unwrap();
        }
    }
    hold("schema.sql", &text);
}
