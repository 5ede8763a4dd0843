//! An alert as an Adaptive Card, which a Workflow of Microsoft Teams posts. Its text runs are literal: nothing that a customer or a
//! product is called is read as markup.

use serde_json::{Value, json};

use super::{Item, Part};

/// Teams refuses messages over 28 KB: what is shown of the lists stays well below.
const LISTED_BYTES: usize = 12 * 1024;
/// One text.
const TEXT_CHARACTERS: usize = 1_000;

fn run(text: &str) -> Value {
    let text: String = text.chars().take(TEXT_CHARACTERS).collect();
    json!({"type": "TextRun", "text": text})
}

fn block(inlines: Vec<Value>) -> Value {
    json!({"type": "RichTextBlock", "inlines": inlines})
}

fn bold(text: &str, colour: &str) -> Value {
    let mut run = run(text);
    run["weight"] = "bolder".into();
    run["color"] = colour.into();
    run
}

/// One line of a list.
fn line(Item { text, link }: &Item) -> Value {
    let mut runs = vec![run("• ")];
    if let Some((name, link)) = link {
        let mut named = run(name);
        if !link.is_empty() {
            named["selectAction"] = json!({"type": "Action.OpenUrl", "url": link});
        }
        runs.extend([named, run(" ")]);
    }
    runs.push(run(text));
    block(runs)
}

/// A card of one line.
pub(super) fn said(headline: &str) -> Value {
    card(vec![block(vec![run(headline)])])
}

/// A card of all that an alert says.
pub(super) fn of(headline: &str, parts: &[Part]) -> Value {
    let mut title = bold(headline, "default");
    title["size"] = "large".into();
    let mut body = vec![block(vec![title])];
    let (mut left, mut hidden) = (LISTED_BYTES, 0);
    for part in parts {
        match part {
            Part::Warning(line) => body.push(block(vec![bold(&format!("! {line}"), "warning")])),
            Part::Line(line) => body.push(block(vec![run(line)])),
            Part::List(title, items) => {
                body.push(block(vec![bold(title, "default")]));
                for item in items {
                    let line = line(item);
                    match left.checked_sub(line.to_string().len()) {
                        Some(rest) => {
                            left = rest;
                            body.push(line);
                        }
                        None => hidden += 1,
                    }
                }
            }
        }
    }
    if hidden > 0 {
        body.push(block(vec![run(&format!("{hidden} more lines have no room here: see the dashboard"))]));
    }
    card(body)
}

/// The same with a line above it.
pub(super) fn above(line: &str, mut card: Value) -> Value {
    if let Some(body) = card["body"].as_array_mut() {
        body.insert(0, block(vec![bold(line, "default")]));
    }
    card
}

fn card(body: Vec<Value>) -> Value {
    json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_stays_below_what_teams_takes() {
        let item = |n: usize| Item {
            text: format!("-20.00 USD ({})", "x".repeat(40)),
            link: Some((format!("cus_{n}"), format!("https://dashboard.stripe.com/customers/cus_{n}"))),
        };
        let parts =
            vec![Part::Warning("**not bold**".into()), Part::List("Customers".into(), (0..500).map(item).collect())];
        let card = of("Churn spike", &parts);
        assert!(card.to_string().len() < 28_000, "{}", card.to_string().len());
        let last = &card["body"].as_array().unwrap().last().unwrap()["inlines"][0]["text"];
        assert!(last.as_str().unwrap().ends_with("more lines have no room here: see the dashboard"), "{last}");
        // Text runs are literal.
        assert!(!card.to_string().contains("\"TextBlock\""));
    }
}
