//! Which figures with numerator and denominator are money, a share of money, or a share of numbers: their answer has texts for
//! all three, and an assistant is never to take cents for dollars.

use crate::report::cells::{AMOUNTS, OF_NUMBERS};

/// What a figure is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sided {
    /// Money over a number: money.
    Money,
    /// Money over money: a share.
    OfMoney,
    /// A number over a number.
    OfNumbers,
}

/// What the figure of this name is made of; `None` where nobody has said so.
pub(super) fn sided(name: &str) -> Option<Sided> {
    Some(match name {
        name if AMOUNTS.contains(&name) => Sided::Money,
        name if OF_NUMBERS.contains(&name) => Sided::OfNumbers,
        "nrr"
        | "grr"
        | "nrr_bridge"
        | "nrr_12m"
        | "grr_12m"
        | "gross_mrr_churn"
        | "net_mrr_churn"
        | "quick_ratio"
        | "quick_ratio_without_reactivation"
        | "expansion_durability"
        | "cac_ratio"
        | "gross_margin"
        | "payback_months"
        | "arr_growth"
        | "operating_margin"
        | "mrr_retention"
        | "restated_share"
        | "estimated_share"
        | "share" => Sided::OfMoney,
        "customer_retention" | "conversion" => Sided::OfNumbers,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn figures<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let text = field.to_string();
                    if name != "schemas"
                        && text.contains("#/components/schemas/Metric\"")
                        && !field["properties"].is_object()
                    {
                        let of_itself =
                            field["$ref"].is_string() || field["oneOf"].is_array() || field["allOf"].is_array();
                        if of_itself {
                            found.push(name);
                        }
                    }
                    figures(field, found);
                }
            }
            Value::Array(all) => all.iter().for_each(|one| figures(one, found)),
            _ => {}
        }
    }

    #[test]
    fn every_figure_of_the_api_has_its_sides() {
        let document = serde_json::to_value(crate::api::document()).unwrap();
        let mut found = Vec::new();
        figures(&document["components"]["schemas"], &mut found);
        assert!(found.len() > 15, "{found:?}");
        for name in found {
            assert!(sided(name).is_some(), "say of {name} what it is made of");
        }
    }
}
