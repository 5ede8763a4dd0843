//! The dashboard in a real browser: Chromium without a window walks its pages, and what they show is what the API answers.

mod alerts;
mod apart;
mod assets;
mod closing;
mod committed;
mod doubts;
mod empty;
mod events;
mod export;
mod figures;
mod goals;
mod known_at;
mod misunderstood;
mod pages;
mod proof;
mod questions;
#[cfg(target_os = "linux")]
mod refused;
mod segments;
mod stream;
mod test_events;

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    api::{JANUARY, event, subscription},
    support::daemon::Daemon,
};

/// A page as it stood once it had settled, in one width and theme.
#[derive(Debug)]
struct Seen(Value);

impl Seen {
    fn text(&self) -> &str {
        self.0["text"].as_str().unwrap_or_default()
    }

    /// What a step `look` saw: its address and text.
    fn look(&self, name: &str) -> (&str, &str) {
        let look = &self.0["looks"][name];
        let part = |key: &str| look[key].as_str().unwrap_or_else(|| panic!("no look {name}: {:?}", self.faults()));
        (part("at"), part("text"))
    }

    /// What Tab alone did not come to; none where a step `tabs` came to all.
    fn unreached(&self) -> Vec<String> {
        let list = self.0["looks"]["unreached"].as_array().unwrap_or_else(|| panic!("not walked: {:?}", self.faults()));
        list.iter().map(|one| format!("{}: {one}", self.0["path"])).collect()
    }

    fn shows(&self, what: &str) {
        assert!(self.text().contains(what), "{what:?} is not on {}:\n{}", self.0["path"], self.text());
    }

    /// Everything that is wrong with it whatever it shows.
    fn faults(&self) -> Vec<String> {
        let theme = if self.0["dark"] == true { "dark" } else { "light" };
        let place = format!("{} at {} {theme}", self.0["path"], self.0["width"]);
        let mut faults = Vec::new();
        for list in ["console", "policy", "failed", "axe", "wide", "unhinted", "covered"] {
            let entries = self.0[list].as_array().into_iter().flatten();
            faults.extend(entries.map(|entry| format!("{place}: {list}: {entry}")));
        }
        if !self.0["fault"].is_null() {
            faults.push(format!("{place}: {}", self.0["fault"]));
        }
        if !self.0["fault"].is_null() {
            return faults;
        }
        if self.0["blank"] != 0 {
            faults.push(format!("{place}: {} charts are blank", self.0["blank"]));
        }
        if self.0["overflow"] == true {
            faults.push(format!("{place}: it is wider than the screen"));
        }
        if self.0["heading"] != 1 {
            faults.push(format!("{place}: it has {} first headings", self.0["heading"]));
        }
        faults
    }
}

/// A daemon to which one subscription was sold: `evt_1` tells it.
async fn one_sold() -> Daemon {
    let mut daemon = Daemon::start().await;
    let sold = subscription("sub_1", "cus_1", "price_1", 1000, 1, JANUARY);
    daemon.accept(event("evt_1", "customer.subscription.created", JANUARY, &sold, None)).await;
    daemon.settle().await;
    daemon
}

/// Desktop and telephone, light and dark.
fn everywhere() -> Value {
    json!([{"width": 1440, "dark": false}, {"width": 390, "dark": true}, {"width": 1440, "dark": true}, {"width": 390, "dark": false}])
}

/// Desktop, light.
fn once() -> Value {
    json!([{"width": 1440, "dark": false}])
}

/// Walks pages and answers what was seen.
fn walk(daemon: &Daemon, views: &Value, pages: &Value) -> Vec<Seen> {
    walk_at(&format!("http://{}", daemon.address()), daemon.token(), views, pages)
}

/// The same of whoever answers at `base`: a test that does something meanwhile has no daemon to lend.
fn walk_at(base: &str, token: &str, views: &Value, pages: &Value) -> Vec<Seen> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    assert!(dir.join("node_modules").is_dir(), "this test needs Chromium and npm packages: scripts/tools browser");
    let plan = json!({
        "base": base, "token": token, "browser": "/usr/bin/chromium", "views": views, "pages": pages,
    });
    let mut node = Command::new("node")
        .arg("walk.mjs")
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs Node.js: scripts/tools browser");
    node.stdin.take().unwrap().write_all(plan.to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "the walk broke off: {}", output.status);
    let seen: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    seen.into_iter().map(Seen).collect()
}

fn no_faults(seen: &[Seen]) {
    let faults: Vec<String> = seen.iter().flat_map(Seen::faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// `$1,234.56`, as a reader in the United States sees it.
fn dollars(minor: i64) -> String {
    let whole = (minor.abs() / 100).to_string();
    let grouped: Vec<&str> =
        whole.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    format!("{}${}.{:02}", if minor < 0 { "-" } else { "" }, grouped.join(","), minor.abs() % 100)
}
