//! `mrrd rules`: the rules of money by name, as this binary applies them.

use std::io::IsTerminal;

use serde::Serialize;

use super::{Failure, Outcome, output, values};
use crate::rules::{self, Rule};

/// Prints the rules of money: their names, or the text of one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mrrd rules\n  mrrd rules netting\n  mrrd rules --all > rules.md\n  mrrd rules --json"
)]
pub(super) struct Args {
    /// Name of a rule, as `mrrd explain` cites it; or of a metric, such as ltv
    #[arg(value_parser = values::rule(), hide_possible_values = true)]
    name: Option<String>,
    /// The texts of all rules
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listed {
    data: Vec<Rule>,
}

pub(super) fn run(args: &Args) -> Outcome {
    let known = rules::all();
    let asked = match &args.name {
        None => known,
        Some(name) => vec![rules::named(name).or_else(|| rules::of_metric(name)).ok_or_else(|| unknown(name, &known))?],
    };
    if args.json {
        return Ok(output::json(&Listed { data: asked })?);
    }
    let whole = args.all || args.name.is_some();
    let width = std::io::stdout().is_terminal().then(|| comfy_table::Table::new().width()).flatten().map(usize::from);
    let text: String = asked.iter().map(|rule| if whole { told(rule) } else { listed(rule, width) }).collect();
    Ok(output::line(text.trim_end())?)
}

fn told(rule: &Rule) -> String {
    format!("{} ({})\n\n{}\n\n", rule.name, rule.section, rule.text)
}

/// A rule's name and its first sentence, cut at the terminal's edge.
fn listed(rule: &Rule, width: Option<usize>) -> String {
    let line = format!("{:<26} {}", rule.name, first_sentence(rule.text));
    match width.filter(|width| line.chars().count() > *width) {
        Some(width) => format!("{}…\n", line.chars().take(width.saturating_sub(1)).collect::<String>().trim_end()),
        None => format!("{line}\n"),
    }
}

/// Up to the end of the sentence, not of the line.
fn first_sentence(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    let plain = paragraph.replace('\n', " ").replace(['`', '*'], "");
    match plain.split_once(". ") {
        Some((first, _)) => first.to_owned(),
        None => plain.trim_end_matches(['.', ':']).to_owned(),
    }
}

fn unknown(name: &str, known: &[Rule]) -> Failure {
    let meant = meant(name, known).map(|rule| format!(": did you mean {rule}?")).unwrap_or_default();
    Failure::Usage(format!("there is no rule {name}{meant} (`mrrd rules` lists them)"))
}

/// The rule that was likely meant: one that begins with what was typed, else one from which a third of that differs at most. None
/// where nothing is near: any suggestion would mislead.
fn meant(name: &str, known: &[Rule]) -> Option<&'static str> {
    let name = name.to_lowercase();
    let differs = |rule: &&'static str| strsim::osa_distance(rule, &name);
    let names = || known.iter().map(|rule| rule.name);
    let begun = names().filter(|rule| !name.is_empty() && rule.starts_with(name.as_str())).min_by_key(differs);
    let most = (name.chars().count() / 3).max(1);
    begun.or_else(|| names().min_by_key(differs).filter(|rule| differs(rule) <= most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_listed_by_its_whole_first_sentence() {
        for rule in rules::all() {
            let sentence = first_sentence(rule.text);
            assert!(!sentence.contains(['\n', '|']) && !sentence.is_empty(), "{}: {sentence}", rule.name);
        }
        let listed_as = |name: &str| first_sentence(rules::named(name).unwrap().text);
        assert_eq!(listed_as("metered"), "A price with usage_type: metered counts 0 by default");
        assert!(listed_as("exclusions").starts_with("ledger.exclude (customer ids"), "{}", listed_as("exclusions"));
        assert!(listed_as("knobs").starts_with("What a profile sets: each knob"), "{}", listed_as("knobs"));
    }

    #[test]
    fn a_rule_is_suggested_where_it_was_likely_meant_and_else_none() {
        let known = rules::all();
        for (typed, rule) in [
            ("nett", Some("netting")),
            ("neting", Some("netting")),
            ("Netting", Some("netting")),
            ("churn", Some("churn-at")),
            ("knob", Some("knobs")),
            ("xyzzy", None),
            ("", None),
        ] {
            assert_eq!(meant(typed, &known), rule, "{typed}");
        }
    }

    #[test]
    fn a_narrow_terminal_cuts_a_sentence_and_says_so() {
        let line = listed(&rules::named("metered").unwrap(), Some(40));
        assert!(line.ends_with("…\n") && line.chars().count() <= 41, "{line}");
    }
}
