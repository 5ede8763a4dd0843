//! Profiles as text: what `[profiles.NAME]` may say, and how a profile prints (rule `knobs`).

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::profile::{
    ActiveFrom, ChurnAt, DiscountRule, InclusiveTax, Metered, Netting, PastDue, PauseRule, Paused, Profile,
    ReactivationAs, TrialGranted, Unpaid, ZeroByDiscount,
};

/// A profile can't be read as written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KnobError {
    /// There is no such knob.
    #[error("profile {profile}: there is no knob {knob:?}; did you mean {nearest:?}? Knobs are {}", Profile::KNOBS.join(", "))]
    Unknown {
        /// The name of the profile.
        profile: String,
        /// The knob as it was written.
        knob: String,
        /// The nearest knob there is.
        nearest: &'static str,
    },
    /// The knob can't have this value.
    #[error("profile {profile}: {knob} = {value:?} is not one of {allowed}")]
    Value {
        /// The name of the profile.
        profile: String,
        /// The name of the knob.
        knob: &'static str,
        /// The value as it was written.
        value: String,
        /// The values it may have.
        allowed: String,
    },
}

/// The text of a knob is none of its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchWord;

/// `PREFIX:N` with N in `1..=most`.
fn counted(text: &str, prefix: &str, most: u32) -> Option<u32> {
    let digits = text.strip_prefix(prefix)?.strip_prefix(':')?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && (1..=most).contains(number))
}

const MOST_DAYS: u32 = 36_500;
const MOST_MINUTES: u32 = 1_440;
const MOST_INVOICES: u32 = 120;

impl FromStr for PastDue {
    type Err = NoSuchWord;

    fn from_str(text: &str) -> Result<Self, NoSuchWord> {
        match text {
            "count" => Ok(Self::Count),
            "zero" => Ok(Self::Zero),
            _ => counted(text, "days", MOST_DAYS).map(Self::Days).ok_or(NoSuchWord),
        }
    }
}

impl fmt::Display for PastDue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count"),
            Self::Zero => f.write_str("zero"),
            Self::Days(days) => write!(f, "days:{days}"),
        }
    }
}

impl FromStr for Metered {
    type Err = NoSuchWord;

    fn from_str(text: &str) -> Result<Self, NoSuchWord> {
        match text {
            "ignore" => Ok(Self::Ignore),
            "last_invoice" => Ok(Self::LastInvoice),
            _ => counted(text, "mean", MOST_INVOICES).map(Self::Mean).ok_or(NoSuchWord),
        }
    }
}

impl fmt::Display for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignore => f.write_str("ignore"),
            Self::LastInvoice => f.write_str("last_invoice"),
            Self::Mean(invoices) => write!(f, "mean:{invoices}"),
        }
    }
}

impl FromStr for Netting {
    type Err = NoSuchWord;

    fn from_str(text: &str) -> Result<Self, NoSuchWord> {
        match text {
            "none" => Ok(Self::None),
            "day" => Ok(Self::Day),
            "month" => Ok(Self::Month),
            _ => counted(text, "window", MOST_MINUTES).map(Self::Window).ok_or(NoSuchWord),
        }
    }
}

impl fmt::Display for Netting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Day => f.write_str("day"),
            Self::Month => f.write_str("month"),
            Self::Window(minutes) => write!(f, "window:{minutes}"),
        }
    }
}

/// `any`, `days:N`, or just the number of days.
fn reactivation_within(text: &str) -> Option<Option<u32>> {
    match text {
        "any" => Some(None),
        _ => counted(text, "days", MOST_DAYS).or_else(|| counted(&format!("days:{text}"), "days", MOST_DAYS)).map(Some),
    }
}

/// The words of a knob, quoted and listed.
fn words(words: &[&str], form: Option<String>) -> String {
    let quoted = words.iter().map(|word| (*word).to_owned()).chain(form);
    quoted.collect::<Vec<_>>().join(", ")
}

impl Profile {
    /// Every knob, in the order of rule `knobs`.
    pub const KNOBS: [&'static str; 16] = [
        "past_due",
        "unpaid",
        "active_from",
        "churn_at",
        "discount_forever",
        "discount_repeating",
        "discount_once",
        "zero_by_discount",
        "pause_collection",
        "metered",
        "paused",
        "trial_granted",
        "inclusive_tax",
        "netting",
        "reactivation_within",
        "reactivation_as",
    ];

    /// A custom profile: `base` with the knobs that differ. Errors name the knob, the value and what may be written.
    pub fn extend(base: &Self, name: &str, knobs: &[(&str, &str)]) -> Result<Self, KnobError> {
        let mut profile = Self { name: name.into(), ..base.clone() };
        for (knob, value) in knobs {
            profile.set(knob, value)?;
        }
        Ok(profile)
    }

    fn set(&mut self, knob: &str, value: &str) -> Result<(), KnobError> {
        let profile = self.name.to_string();
        let refuse = |knob: &'static str, allowed: String| KnobError::Value {
            profile: profile.clone(),
            knob,
            value: value.into(),
            allowed,
        };
        macro_rules! word {
            ($field:ident: $words:ident) => {
                self.$field = $words::parse(value).ok_or_else(|| refuse(stringify!($field), words($words::WORDS, None)))?
            };
            ($field:ident: [$($word:literal),+], $form:literal, $most:expr) => {
                self.$field = value.parse().map_err(|NoSuchWord| {
                    refuse(stringify!($field), words(&[$($word),+], Some(format!("{} with N from 1 to {}", $form, $most))))
                })?
            };
        }
        match knob {
            "past_due" => word!(past_due: ["count", "zero"], "days:N", MOST_DAYS),
            "unpaid" => word!(unpaid: Unpaid),
            "active_from" => word!(active_from: ActiveFrom),
            "churn_at" => word!(churn_at: ChurnAt),
            "discount_forever" => word!(discount_forever: DiscountRule),
            "discount_repeating" => word!(discount_repeating: DiscountRule),
            "discount_once" => word!(discount_once: DiscountRule),
            "zero_by_discount" => word!(zero_by_discount: ZeroByDiscount),
            "pause_collection" => word!(pause_collection: PauseRule),
            "metered" => word!(metered: ["ignore", "last_invoice"], "mean:N", MOST_INVOICES),
            "paused" => word!(paused: Paused),
            "trial_granted" => word!(trial_granted: TrialGranted),
            "inclusive_tax" => word!(inclusive_tax: InclusiveTax),
            "netting" => word!(netting: ["none", "day", "month"], "window:N (minutes)", MOST_MINUTES),
            "reactivation_within" => {
                self.reactivation_within_days = reactivation_within(value).ok_or_else(|| {
                    refuse("reactivation_within", format!("any, days:N with N from 1 to {MOST_DAYS}"))
                })?;
            }
            "reactivation_as" => word!(reactivation_as: ReactivationAs),
            _ => return Err(KnobError::Unknown { profile, knob: knob.into(), nearest: nearest(knob) }),
        }
        Ok(())
    }

    /// Every knob with its value as the configuration writes it: the profile's fingerprint, and what `compare` compares.
    pub fn describe(&self) -> [(&'static str, String); 16] {
        let values = [
            self.past_due.to_string(),
            self.unpaid.as_str().into(),
            self.active_from.as_str().into(),
            self.churn_at.as_str().into(),
            self.discount_forever.as_str().into(),
            self.discount_repeating.as_str().into(),
            self.discount_once.as_str().into(),
            self.zero_by_discount.as_str().into(),
            self.pause_collection.as_str().into(),
            self.metered.to_string(),
            self.paused.as_str().into(),
            self.trial_granted.as_str().into(),
            self.inclusive_tax.as_str().into(),
            self.netting.to_string(),
            self.reactivation_within_days.map_or("any".into(), |days| format!("days:{days}")),
            self.reactivation_as.as_str().into(),
        ];
        let mut knobs = Self::KNOBS.into_iter();
        values.map(|value| (knobs.next().unwrap_or_default(), value))
    }
}

fn nearest(knob: &str) -> &'static str {
    let distance = |known: &&'static str| strsim::osa_distance(known, knob);
    Profile::KNOBS.into_iter().min_by_key(distance).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of rule `knobs`, row by row.
    #[test]
    fn the_built_in_profiles_are_the_table() {
        let table = "
            past_due            count        count        count        days:30
            unpaid              churn        churn        count        churn
            active_from         start        start        first_payment first_payment
            churn_at            request      end          end          end
            discount_forever    subtract     subtract     subtract     subtract
            discount_repeating  ignore       subtract     subtract     subtract
            discount_once       ignore       ignore       subtract     subtract
            zero_by_discount    churn        contraction  contraction  churn
            pause_collection    count        zero         count        zero
            metered             ignore       ignore       ignore       last_invoice
            paused              zero         zero         zero         zero
            trial_granted       contraction  contraction  contraction  contraction
            inclusive_tax       subtract     subtract     subtract     subtract
            netting             day          day          window:60    month
            reactivation_within any          any          any          any
            reactivation_as     reactivation reactivation reactivation reactivation";
        let rows: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .filter(|row: &Vec<_>| !row.is_empty())
            .collect();
        assert_eq!(rows.len(), Profile::KNOBS.len());
        for (column, name) in Profile::BUILT_IN.into_iter().enumerate() {
            let described = Profile::built_in(name).unwrap().describe();
            for (row, (knob, value)) in rows.iter().zip(described) {
                assert_eq!((row[0], row[column + 1]), (knob, value.as_str()), "{name}");
            }
        }
    }

    #[test]
    fn what_describe_prints_can_be_read_again() {
        let base = Profile::built_in("stripe").unwrap();
        for name in Profile::BUILT_IN {
            let profile = Profile::built_in(name).unwrap();
            let described = profile.describe();
            let knobs: Vec<_> = described.iter().map(|(knob, value)| (*knob, value.as_str())).collect();
            assert_eq!(Profile::extend(&base, name, &knobs), Ok(profile));
        }
    }

    #[test]
    fn only_the_knobs_named_differ() {
        let stripe = Profile::built_in("stripe").unwrap();
        let board = Profile::extend(
            &stripe,
            "board",
            &[("past_due", "days:14"), ("metered", "mean:3"), ("netting", "window:90"), ("reactivation_within", "365")],
        )
        .unwrap();
        let differ: Vec<_> = board
            .describe()
            .into_iter()
            .zip(stripe.describe())
            .filter(|(one, other)| one != other)
            .map(|((knob, value), _)| format!("{knob}={value}"))
            .collect();
        assert_eq!(differ, ["past_due=days:14", "metered=mean:3", "netting=window:90", "reactivation_within=days:365"]);
    }

    #[test]
    fn errors_name_knob_value_and_words() {
        let stripe = Profile::built_in("stripe").unwrap();
        let error = |knob, value| Profile::extend(&stripe, "board", &[(knob, value)]).unwrap_err().to_string();
        assert!(
            error("chrun_at", "end")
                .starts_with("profile board: there is no knob \"chrun_at\"; did you mean \"churn_at\"?")
        );
        assert_eq!(error("churn_at", "ends"), "profile board: churn_at = \"ends\" is not one of request, end");
        assert_eq!(
            error("past_due", "days:0"),
            "profile board: past_due = \"days:0\" is not one of count, zero, days:N with N from 1 to 36500"
        );
        for (knob, value) in [
            ("past_due", "days:+5"),
            ("past_due", "days:"),
            ("metered", "mean:0"),
            ("netting", "window:1441"),
            ("netting", "hour"),
            ("reactivation_within", "0"),
            ("reactivation_within", "-1"),
            ("unpaid", ""),
            ("reactivation_as", "Churn"),
            ("discount_once", "Subtract"),
        ] {
            assert!(error(knob, value).contains(knob), "{knob} = {value}");
        }
    }
}
