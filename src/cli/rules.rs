//! `mrrd rules`: the rules of money by name, as this binary applies them.

use serde::Serialize;

use super::{Failure, Outcome, output, values};
use crate::rules::{self, Rule};

/// Prints the rules of money: their names, or the text of one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  mrrd rules\n  mrrd rules netting\n  mrrd rules --all > rules.md\n  mrrd rules --json"
)]
pub(super) struct Args {
    /// Name of a rule, as `mrrd explain` cites it
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
        Some(name) => vec![rules::named(name).ok_or_else(|| unknown(name, &known))?],
    };
    if args.json {
        return Ok(output::json(&Listed { data: asked })?);
    }
    let whole = args.all || args.name.is_some();
    let text: String = asked.iter().map(|rule| if whole { told(rule) } else { listed(rule) }).collect();
    Ok(output::line(text.trim_end())?)
}

fn told(rule: &Rule) -> String {
    format!("{} ({})\n\n{}\n\n", rule.name, rule.section, rule.text)
}

fn listed(rule: &Rule) -> String {
    let sentence = rule.text.split_once(['.', ':', '\n']).map_or(rule.text, |(first, _)| first);
    format!("{:<26} {}\n", rule.name, sentence.replace(['`', '*'], ""))
}

fn unknown(name: &str, known: &[Rule]) -> Failure {
    let nearest = known.iter().min_by_key(|rule| strsim::osa_distance(rule.name, name));
    let nearest = nearest.map(|rule| format!(": did you mean {}?", rule.name)).unwrap_or_default();
    Failure::Usage(format!("there is no rule {name}{nearest} (`mrrd rules` lists them)"))
}
