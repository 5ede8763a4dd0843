//! The two texts of `/metrics`: OpenMetrics as it is encoded, and Prometheus' older text made of it, by what a scraper accepts.

use std::{collections::BTreeMap, fmt::Write};

/// The two texts that metrics are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// OpenMetrics, `application/openmetrics-text`.
    OpenMetrics,
    /// Prometheus' own `text/plain`, which everything reads.
    Plain,
}

impl Exposition {
    /// What `Accept` prefers. OpenMetrics is written for who names it; whoever takes anything gets the plain text.
    pub fn accepted(accept: Option<&str>) -> Self {
        let (mut open, mut plain) = (0, 0);
        for one in accept.unwrap_or("*/*").split(',') {
            let mut words = one.split(';').map(str::trim);
            let kind = words.next().unwrap_or_default().to_ascii_lowercase();
            let weight = words.find_map(|word| word.strip_prefix("q=")).map_or(1000, thousandths);
            match kind.as_str() {
                "application/openmetrics-text" => open = open.max(weight),
                "text/plain" | "text/*" | "*/*" => plain = plain.max(weight),
                _ => {}
            }
        }
        if open > 0 && open >= plain { Self::OpenMetrics } else { Self::Plain }
    }

    /// The media type of the text.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// This text of an OpenMetrics text.
    pub fn written(self, text: String) -> String {
        match self {
            Self::OpenMetrics => text,
            Self::Plain => plain(&text),
        }
    }
}

/// `0.5` as 500; what can't be read counts as 1.
fn thousandths(text: &str) -> u32 {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let places: String = format!("{places:0<3}").chars().take(3).collect();
    match (whole.parse::<u32>(), places.parse::<u32>()) {
        (Ok(whole), Ok(places)) => whole.saturating_mul(1000).saturating_add(places),
        _ => 1000,
    }
}

/// A family is named as its samples are there: OpenMetrics leaves the `_total` of a counter and the `_info` of an info away, knows
/// units, and ends in `# EOF`.
fn plain(text: &str) -> String {
    let kinds: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let family = |rest: &'static str| line.strip_prefix(rest).and_then(|rest| rest.split_once(' '));
        let suffix = |name: &str| match kinds.get(name) {
            Some(&"counter") => "_total",
            Some(&"info") => "_info",
            _ => "",
        };
        // Writing into a string can't fail.
        let written = if let Some((name, help)) = family("# HELP ") {
            writeln!(out, "# HELP {name}{} {help}", suffix(name))
        } else if let Some((name, kind)) = family("# TYPE ") {
            let kind = if kind == "info" { "gauge" } else { kind };
            writeln!(out, "# TYPE {name}{} {kind}", suffix(name))
        } else if line.starts_with("# UNIT ") || line == "# EOF" {
            Ok(())
        } else {
            writeln!(out, "{line}")
        };
        let _ = written;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_for_who_asks_for_it() {
        use Exposition::{OpenMetrics, Plain};
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        for (accept, expected) in [
            (None, Plain),
            (Some("*/*"), Plain),
            (Some("text/plain"), Plain),
            (Some("application/openmetrics-text; version=1.0.0"), OpenMetrics),
            (Some(prometheus), OpenMetrics),
            (Some("text/plain;q=0.9, application/openmetrics-text;q=0.5"), Plain),
            (Some("application/openmetrics-text;q=0, */*"), Plain),
            (Some("application/json"), Plain),
        ] {
            assert_eq!(Exposition::accepted(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn a_family_is_named_as_its_samples_are() {
        let open = "# HELP a_build The version.\n# TYPE a_build info\na_build_info{version=\"1\"} 1\n# HELP a_webhooks Answered.\n\
                    # TYPE a_webhooks counter\na_webhooks_total 3\n# HELP a_up Up.\n# TYPE a_up gauge\na_up 1\n# EOF\n";
        let plain = "# HELP a_build_info The version.\n# TYPE a_build_info gauge\na_build_info{version=\"1\"} 1\n\
                     # HELP a_webhooks_total Answered.\n# TYPE a_webhooks_total counter\na_webhooks_total 3\n# HELP a_up Up.\n\
                     # TYPE a_up gauge\na_up 1\n";
        assert_eq!(Exposition::Plain.written(open.to_owned()), plain);
    }
}
