//! The rules of money as docs/rules.md has them, by name: what `mrrd rules`, the API and the dashboard show of them.

use serde::Serialize;
use utoipa::ToSchema;

/// The document itself, so that the binary prints the rules it was built with.
const TEXT: &str = include_str!("../docs/rules.md");

/// A rule of money by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rule {
    /// Its stable name: what `explain`, code and tests cite.
    #[schema(example = "netting")]
    pub name: &'static str,
    /// The section it stands in.
    #[schema(example = "movements")]
    pub section: &'static str,
    /// The text of the rule, as Markdown.
    pub text: &'static str,
}

/// Every rule, in the order of the document.
pub fn all() -> Vec<Rule> {
    let sections = TEXT.split("\n## ").skip(1);
    let rules = sections.flat_map(|section| {
        let name = first_line(section);
        section.split("\n### ").skip(1).map(move |rule| {
            let title = first_line(rule);
            Rule { name: title, section: name, text: rule[title.len()..].trim() }
        })
    });
    rules.collect()
}

/// The rule of this name.
pub fn named(name: &str) -> Option<Rule> {
    all().into_iter().find(|rule| rule.name == name)
}

/// The rule that a metric's name leads to: `ltv`, `customer-churn` and `gross_mrr_churn` to `metrics`, whose table has a line for each.
pub fn of_metric(name: &str) -> Option<Rule> {
    let asked = slug(name);
    let rule = named("metrics")?;
    let cells = rule.text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    // After the head of the table and the line below it.
    let named =
        |cell: &str| cell.split([';', ',']).any(|one| slug(one.split(" of the ").next().unwrap_or(one)) == asked);
    cells.skip(1).any(named).then_some(rule)
}

/// A name as it is compared: in small letters, its words with `-` between them.
fn slug(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '_'], "-")
}

fn first_line(text: &'static str) -> &'static str {
    text.split('\n').next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_a_name_of_its_own_and_a_text() {
        let all = all();
        assert!(all.len() > 40, "{}", all.len());
        for rule in &all {
            assert!(rule.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.name);
            assert!(rule.text.len() > 30, "{}", rule.name);
            assert_eq!(all.iter().filter(|other| other.name == rule.name).count(), 1, "{}", rule.name);
        }
    }

    #[test]
    fn a_metric_leads_to_the_rule_that_has_its_formula() {
        for name in
            ["ltv", "LTV", "customer-churn", "customer_churn", "arpa", "asp", "nrr", "grr", "quick-ratio", "arr"]
        {
            assert_eq!(of_metric(name).map(|rule| rule.name), Some("metrics"), "{name}");
        }
        for name in ["", "metric", "formula", "churn-spike", "netting", "---"] {
            assert_eq!(of_metric(name), None, "{name}");
        }
    }

    #[test]
    fn what_an_explanation_cites_can_be_printed() {
        for name in crate::ledger::rule::CITED {
            assert!(named(name).is_some(), "docs/rules.md lacks the rule {name}, which explain cites");
        }
    }
}
