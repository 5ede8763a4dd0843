//! What a channel is given: the same content as text, as HTML, as Slack blocks, as a card for Teams and as JSON.

mod teams;

use std::fmt::Write as _;

use maud::html;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    alert::{Alert, Confidence, Share},
    words,
};
use crate::{
    config::alert_rules::Rule, ledger::time::UnixTime, limits, report::money::Exact, store::records::alerts::AlertRow,
};

/// How loudly a pager is to ring.
fn severity(rule: Rule) -> &'static str {
    match rule {
        Rule::ChurnSpike | Rule::PaymentFailures | Rule::WebhookSilence | Rule::LedgerDrift => "error",
        Rule::ContractionSpike | Rule::LargeLoss | Rule::ScheduledChurn | Rule::NrrBelow | Rule::GoalAtRisk => {
            "warning"
        }
        Rule::NewRecord | Rule::Digest => "info",
    }
}

/// One message, in every form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Stable: whoever receives it twice tells by this.
    pub id: String,
    /// The alert it is about.
    pub alert: String,
    /// `raised`, `updated`, `closed` or `test`.
    pub event: String,
    /// How grave it is: `error`, `warning` or `info`.
    pub severity: String,
    /// What happened, in one line.
    pub headline: String,
    /// For people, without any markup.
    pub text: String,
    /// The message as HTML, for mail.
    pub html: String,
    /// The message as Slack's blocks.
    pub slack: Value,
    /// An Adaptive Card; null in a message that an older mrrd wrote.
    #[serde(default)]
    pub teams: Value,
    /// The message as JSON, for webhooks.
    pub json: Value,
}

impl Message {
    /// That an alert was raised.
    pub fn raised(id: &str, at: UnixTime, alert: &Alert) -> Self {
        let headline = alert.headline();
        let parts = parts(alert);
        Self {
            id: id.to_owned(),
            alert: id.to_owned(),
            event: "raised".into(),
            severity: severity(alert.rule).into(),
            text: text(&headline, &parts),
            html: html(&headline, &parts),
            slack: slack(&headline, &parts),
            teams: teams::of(&headline, &parts),
            json: json!({"id": id, "type": "alert.raised", "created": at.0, "alert_id": id, "version": alert.version,
                "headline": headline, "alert": alert}),
            headline,
        }
    }

    /// That it has risen further: a message of its own about the same alert, in its next version.
    pub fn updated(alert_id: &str, at: UnixTime, alert: &Alert) -> Self {
        let id = format!("{alert_id}_v{}", alert.version);
        let mut message = Self { event: "updated".into(), ..Self::raised(alert_id, at, alert) };
        message.json["id"] = id.clone().into();
        message.json["type"] = "alert.updated".into();
        Self { id, ..message }
    }

    /// That its episode is over.
    pub fn closed(row: &AlertRow, at: UnixTime, why: &str) -> Self {
        let alert = &row.alert;
        let headline = format!("Over: {}", alert.headline);
        let parts = vec![Part::Line(format!("Raised on {}. {why}", alert.day))];
        let id = format!("{}_closed", alert.id);
        Self {
            alert: alert.id.clone(),
            event: "closed".into(),
            severity: "info".into(),
            text: text(&headline, &parts),
            html: html(&headline, &parts),
            slack: slack(&headline, &parts),
            teams: teams::of(&headline, &parts),
            json: json!({"id": id, "type": "alert.closed", "created": at.0, "alert_id": alert.id, "version": row.version,
                "headline": headline, "rule": alert.rule, "day": alert.day.to_string(), "reason": why}),
            headline,
            id,
        }
    }

    /// One line about something else than an alert, with its JSON.
    pub(crate) fn plain(id: String, about: String, event: &str, headline: String, json: Value) -> Self {
        Self {
            id,
            alert: about,
            event: event.to_owned(),
            severity: "info".into(),
            text: headline.clone(),
            html: html! { p { (headline) } }.into_string(),
            slack: json!([section(&plain(&headline))]),
            teams: teams::said(&headline),
            json,
            headline,
        }
    }

    /// The card for Teams: of an older mrrd's message its headline.
    pub fn card(&self) -> Value {
        if self.teams.is_null() { teams::said(&self.headline) } else { self.teams.clone() }
    }

    /// A sample, for `alerts test`.
    pub fn test(id: &str, at: UnixTime, alert: &Alert) -> Self {
        let mut message = Self::raised(id, at, alert);
        message.event = "test".into();
        message.severity = "info".into();
        message.headline = format!("Test: {}", message.headline);
        message.text = format!("This is a test: nothing has happened.\n\n{}", message.text);
        message.html = format!("<p><strong>This is a test: nothing has happened.</strong></p>{}", message.html);
        if let Some(blocks) = message.slack.as_array_mut() {
            blocks.insert(0, section("*This is a test: nothing has happened.*"));
        }
        message.teams = teams::above("This is a test: nothing has happened.", message.teams);
        message.json["type"] = "alert.test".into();
        message
    }
}

/// What an alert is made of, in order.
enum Part {
    /// Why the figures may not be whole.
    Warning(String),
    /// A sentence on a line of its own.
    Line(String),
    /// Several lines under a title.
    List(String, Vec<Item>),
}

/// A line, with where it leads.
struct Item {
    text: String,
    link: Option<(String, String)>,
}

fn parts(alert: &Alert) -> Vec<Part> {
    let mut parts: Vec<Part> = alert.warnings.iter().cloned().map(Part::Warning).collect();
    let confidence = match alert.confidence {
        Confidence::Moderate => "moderate",
        Confidence::High => "high",
        Confidence::VeryHigh => "very high",
    };
    if let Some(expected) = alert.expected {
        let whole = match alert.version {
            1 => String::new(),
            _ => format!(" In all {} since {}.", alert.distinct_customers(), alert.day),
        };
        parts.push(Part::Line(format!("On {}, {}.{whole}", alert.as_of, alert.sentence())));
        if expected.holds(alert.observed) {
            parts.push(Part::Line("As many at once are nothing rare; that they came day after day is.".into()));
        }
        parts.push(Part::Line(format!("Confidence: {confidence}. Threshold: {}.", alert.threshold)));
    } else if alert.rule != Rule::Digest {
        let unusual = alert.how_unusual.as_ref().map(|unusual| format!(", {unusual}")).unwrap_or_default();
        parts.push(Part::Line(format!("On {}{unusual}. Threshold: {}.", alert.day, alert.threshold)));
    }
    for planned in &alert.planned {
        parts.push(Part::Line(format!("Planned for these days: {planned}")));
    }
    for lost in &alert.lost {
        let of = |exact: Exact| words::money(exact.0, lost.currency);
        let what = match alert.rule {
            Rule::PaymentFailures => "MRR at risk",
            Rule::ScheduledChurn => "MRR set to end",
            _ => "MRR lost",
        };
        let split = format!(
            " (voluntary {}, involuntary {}, unknown {})",
            of(lost.voluntary_exact),
            of(lost.involuntary_exact),
            of(lost.unknown_exact)
        );
        let split = if matches!(alert.rule, Rule::PaymentFailures) { String::new() } else { split };
        parts.push(Part::Line(format!("{what}: {}{split}", of(lost.total_exact))));
    }
    for (title, shares) in [("By product", &alert.by_product), ("By reason", &alert.by_reason)] {
        if !shares.is_empty() {
            let shares: Vec<String> = shares.iter().take(5).map(share).collect();
            parts.push(Part::Line(format!("{title}: {}", shares.join(", "))));
        }
    }
    if !alert.customers.is_empty() {
        let shown = alert.customers.iter().take(limits::ALERT_CUSTOMERS_SHOWN);
        let mut items: Vec<Item> = shown
            .map(|one| Item {
                text: format!("{} ({})", words::money(one.amount_exact.0, one.currency), one.reason.replace('_', " ")),
                link: Some((one.customer.clone(), one.link.clone().unwrap_or_default())),
            })
            .collect();
        let more = alert.customers.len().saturating_sub(items.len());
        if more > 0 {
            items.push(Item { text: format!("and {more} more"), link: None });
        }
        parts.push(Part::List("Customers".into(), items));
    }
    for section in &alert.sections {
        let lines = section.lines.iter().map(|line| Item { text: line.clone(), link: None }).collect();
        parts.push(Part::List(section.title.clone(), lines));
    }
    parts.push(Part::Line(format!("Next: {}", alert.next)));
    parts
}

fn share(share: &Share) -> String {
    // Ids hold underlines, reasons are words.
    let name = if share.name.contains("prod_") { share.name.clone() } else { share.name.replace('_', " ") };
    format!("{name} {}", words::money(share.amount_exact.0, share.currency))
}

fn text(headline: &str, parts: &[Part]) -> String {
    let mut out = format!("{headline}\n");
    // Writing to a String can't fail.
    for part in parts {
        let _ = match part {
            Part::Warning(line) => writeln!(out, "! {line}"),
            Part::Line(line) => writeln!(out, "{line}"),
            Part::List(title, items) => {
                let _ = writeln!(out, "{title}:");
                for Item { text, link } in items {
                    let _ = match link {
                        Some((name, link)) => writeln!(out, "  {name}  {text}  {link}"),
                        None => writeln!(out, "  {text}"),
                    };
                }
                Ok(())
            }
        };
    }
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn html(headline: &str, parts: &[Part]) -> String {
    let item = |Item { text, link }: &Item| match link {
        Some((name, link)) if !link.is_empty() => html! { a href=(link) { (name) } " " (text) },
        Some((name, _)) => html! { (name) " " (text) },
        None => html! { (text) },
    };
    let mail = html! {
        h2 { (headline) }
        @for part in parts {
            @match part {
                Part::Warning(line) => p { strong { "! " (line) } },
                Part::Line(line) => p { (line) },
                Part::List(title, items) => {
                    h3 { (title) }
                    ul { @for one in items { li { (item(one)) } } }
                },
            }
        }
    };
    mail.into_string()
}

/// Slack reads only these three.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn section(markdown: &str) -> Value {
    // Slack refuses a longer text, and with it the whole message.
    let markdown: String = markdown.chars().take(2900).collect();
    json!({"type": "section", "text": {"type": "mrkdwn", "text": markdown}})
}

fn slack(headline: &str, parts: &[Part]) -> Value {
    let title: String = headline.chars().take(150).collect();
    let mut blocks = vec![json!({"type": "header", "text": {"type": "plain_text", "text": title}})];
    let mut lines = String::new();
    for part in parts {
        match part {
            Part::Warning(line) => lines.push_str(&format!(":warning: *{}*\n", plain(line))),
            Part::Line(line) => lines.push_str(&format!("{}\n", plain(line))),
            Part::List(title, items) => {
                if !lines.is_empty() {
                    blocks.push(section(&std::mem::take(&mut lines)));
                }
                let mut list = format!("*{}*", plain(title));
                for Item { text, link } in items {
                    let line = match link {
                        Some((name, link)) if !link.is_empty() => {
                            format!("\n• <{}|{}> {}", plain(link), plain(name), plain(text))
                        }
                        Some((name, _)) => format!("\n• {} {}", plain(name), plain(text)),
                        None => format!("\n• {}", plain(text)),
                    };
                    // Whole lines only: half a link is none.
                    if list.len() + line.len() < 2900 {
                        list.push_str(&line);
                    }
                }
                blocks.push(section(&list));
            }
        }
    }
    if !lines.is_empty() {
        blocks.push(section(&lines));
    }
    // Slack takes fifty.
    blocks.truncate(50);
    blocks.into()
}

/// The customer in Stripe's own dashboard.
pub(super) fn stripe_link(live: bool, customer: &str) -> String {
    format!("https://dashboard.stripe.com/{}customers/{customer}", if live { "" } else { "test/" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::sample;

    fn told() -> Message {
        let mut alert = sample::alert(UnixTime(1_772_000_000));
        alert.warnings = vec!["The ledger is 7 events behind the log".into()];
        alert.by_product[0].name = "<b>prod & co</b>".into();
        Message::raised("al_1", UnixTime(1_772_000_000), &alert)
    }

    #[test]
    fn bad_data_health_is_said_before_anything_else() {
        let text = told().text;
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("Churn spike: 3 customers left in a day, 0–1 expected"));
        assert_eq!(lines.next(), Some("! The ledger is 7 events behind the log"));
        for words in [
            "in a day expected 0–1, saw 3 (all); by chance once in 4.2 years",
            "Confidence: high. Threshold: at most 2 false alerts a year.",
            "MRR lost: 348.00 USD (voluntary 299.00 USD, involuntary 49.00 USD, unknown 0.00 USD)",
            "By reason: cancellation 299.00 USD, payment failure 49.00 USD",
            "  cus_sample_1  199.00 USD (cancellation)  https://dashboard.stripe.com/customers/cus_sample_1",
            "Next: ",
        ] {
            assert!(text.contains(words), "{words:?} is not said in:\n{text}");
        }
    }

    /// No figure is told as out of the ordinary beside a range that it lies in.
    #[test]
    fn a_slow_rise_within_its_range_is_told_by_the_average_and_by_chance() {
        let mut alert = sample::alert(UnixTime(1_772_000_000));
        alert.observed = 5;
        alert.expected =
            alert.expected.map(|one| crate::alerts::alert::Expected { mean: 1.62, high: 5, days: 5, ..one });
        let text = Message::raised("al_1", UnixTime(1_772_000_000), &alert).text;
        for words in [
            "Churn spike: 5 customers left in 5 days, 1.6 expected on average, by chance once in 4.2 years",
            "in 5 days 1.6 expected on average, saw 5 (all); by chance once in 4.2 years.",
            "As many at once are nothing rare; that they came day after day is.",
        ] {
            assert!(text.contains(words), "{words:?} is not said in:\n{text}");
        }
        assert!(!text.contains("0–5"), "{text}");
    }

    #[test]
    fn every_form_says_the_same_and_none_takes_names_for_markup() {
        let message = told();
        assert!(message.html.contains("&lt;b&gt;prod &amp; co&lt;/b&gt;"), "{}", message.html);
        assert!(
            message.html.contains("<a href=\"https://dashboard.stripe.com/customers/cus_sample_2\">cus_sample_2</a>")
        );
        let slack = message.slack.to_string();
        assert!(
            slack.contains("&lt;b&gt;")
                && slack.contains("<https://dashboard.stripe.com/customers/cus_sample_3|cus_sample_3>")
        );
        assert_eq!((&message.json["id"], &message.json["type"]), (&json!("al_1"), &json!("alert.raised")));
        assert_eq!(message.json["alert"]["observed"], 3);
        let read: Message = serde_json::from_str(&serde_json::to_string(&message).unwrap()).unwrap();
        assert_eq!(read, message);
    }

    #[test]
    fn slack_takes_however_many_customers() {
        let mut alert = sample::alert(UnixTime(1_772_000_000));
        let one = alert.customers[0].clone();
        alert.customers =
            (0..500).map(|n| super::super::alert::Named { customer: format!("cus_{n}"), ..one.clone() }).collect();
        let message = Message::raised("al_1", UnixTime(1_772_000_000), &alert);
        assert!(message.text.contains("and 480 more") && message.slack.to_string().contains("and 480 more"));
        for block in message.slack.as_array().unwrap() {
            assert!(block["text"]["text"].as_str().unwrap().len() < 3000);
        }
        assert_eq!(message.json["alert"]["customers"].as_array().unwrap().len(), 500);
    }
}
