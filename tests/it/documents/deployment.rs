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
