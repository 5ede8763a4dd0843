//! What is shipped beside the binary speaks of metrics and headings that exist.

use std::{fs, path::Path};

fn text(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn every_metric_that_is_watched_or_drawn_exists() {
    let known = text("docs/reference/metrics.md");
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    for file in ["deploy/prometheus/rules.yml", "deploy/prometheus/rules.test.yml", "deploy/grafana/mrrd.json"] {
        let watched = text(file);
        let mut count = 0;
        for (at, _) in watched.match_indices("mrrd_") {
            let name: String = watched[at + "mrrd_".len()..].chars().take_while(|c| is_name(*c)).collect();
            let base =
                ["_total", "_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
            assert!(known.contains(&format!("`{base}`")), "{file} watches mrrd_{name}, which /metrics doesn't show");
            count += 1;
        }
        assert!(count > 3, "{file}");
    }
}

/// Amounts are in minor units, of which not every currency has a hundred.
#[test]
fn the_board_draws_every_currency_in_its_own_units() {
    let board = text("deploy/grafana/mrrd.json");
    let drawn: Vec<&str> = board.lines().filter(|line| line.contains("minor_units")).collect();
    assert_eq!(drawn.len(), 3);
    let letters = || 'a'..='z';
    let codes = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| format!("{a}{b}{c}"))));
    let units = |code: &String| mrrd::ledger::fx::minor_units(code.parse().unwrap());
    let of = |parts: i128| codes.clone().filter(|code| units(code) == parts).collect::<Vec<_>>().join("|");
    let (whole, thousand) = (of(1), of(1000));
    for line in drawn {
        assert!(line.contains(&format!("{{currency!~\\\"{whole}|{thousand}\\\"}} / 100 or ")), "{line}");
        assert!(line.contains(&format!("{{currency=~\\\"{whole}\\\"}} or ")), "{line}");
        assert!(line.contains(&format!("{{currency=~\\\"{thousand}\\\"}} / 1000\"")), "{line}");
    }
}

/// A full disk answers what is read, and where no webhook comes nobody is answered 503: no other gauge tells of it.
#[test]
fn a_log_that_cannot_be_written_wakes_somebody() {
    let rules = text("deploy/prometheus/rules.yml");
    let (_, rule) = rules.split_once("expr: mrrd_log_writable == 0").expect("no rule watches mrrd_log_writable");
    let rule = rule.split("- alert:").next().unwrap_or_default();
    assert!(rule.contains("severity: page"), "{rule}");
    assert!(text("deploy/prometheus/rules.test.yml").contains("alertname: MrrdLogNotWritable"));
}

/// The shipped unit once set what a configuration file then couldn't change.
#[test]
fn the_unit_sets_nothing_that_beats_the_configuration_file() {
    let unit = text("deploy/systemd/mrrd.service");
    let starts: Vec<&str> = unit.lines().filter(|line| line.starts_with("ExecStart=")).collect();
    assert_eq!(starts, ["ExecStart=/usr/bin/mrrd serve --wait-for 60"]);
    let sets = |line: &&str| line.starts_with("Environment") || line.starts_with("LoadCredential");
    assert_eq!(unit.lines().find(sets), None);
}

#[test]
fn every_runbook_has_its_heading() {
    let rules = text("deploy/prometheus/rules.yml");
    let runbook = text("docs/guides/operate.md").to_lowercase();
    let links: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("runbook: ")).collect();
    assert_eq!(links.len(), rules.matches("- alert:").count(), "an alert without a runbook");
    for link in links {
        let heading = link.strip_prefix("docs/guides/operate.md#").expect(link).replace('-', " ");
        assert!(runbook.contains(&format!("## {heading}\n")), "{link}");
    }
}

/// Secrets once lay where the next `git add` and every image took them along.
#[test]
fn where_secrets_are_told_to_lie_no_commit_and_no_image_takes_them() {
    let (kept_out, out_of_images) = (text(".gitignore"), text(".dockerignore"));
    let ignores = |of: &str, line: &str| of.lines().any(|one| one == line);
    let compose = text("deploy/container/compose.yaml");
    let told: Vec<&str> = compose.lines().filter_map(|line| line.trim().strip_prefix("file: ")).collect();
    assert!(!told.is_empty());
    for file in told {
        let folder = Path::new("deploy/container").join(file);
        let folder = folder.parent().unwrap().display().to_string();
        assert!(ignores(&kept_out, &format!("/{folder}/")), "git takes {file}");
        assert!(ignores(&out_of_images, &folder), "an image takes {file}");
    }
    // What init and serve write into a checkout, and the folder that the help of demo keeps.
    for (at, in_images) in [("/config/mrrd.toml", "config/mrrd.toml"), ("*.token", "**/*.token"), ("/demo/", "demo")] {
        assert!(ignores(&kept_out, at), "git takes {at}");
        assert!(ignores(&out_of_images, in_images), "an image takes {at}");
    }
    assert!(ignores(&out_of_images, "**/*.db"), "an image takes ledgers");
}

/// One path, so that a guide, a configuration to copy and the package speak of one file.
#[test]
fn the_webhook_secrets_of_a_machine_lie_at_one_path() {
    for file in ["config/example.toml", "deploy/debian/mrrd.toml", "deploy/debian/postinst", "docs/guides/install.md"] {
        assert!(text(file).contains("/etc/mrrd/webhook-secrets"), "{file}");
    }
    for file in ["config/example.toml", "deploy/systemd/credentials.conf"] {
        assert!(!text(file).contains("/etc/mrrd/secrets/"), "{file}");
    }
}
