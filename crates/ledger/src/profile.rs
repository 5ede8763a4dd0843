//! Profiles: named sets of rules, one knob each (rule `knobs`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::{money::Currency, plans::Plans};

/// A named rule set. Every figure says which one made it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// The name by which figures and questions call it.
    pub name: Arc<str>,
    /// Whether, and for how long, the status `past_due` counts.
    pub past_due: PastDue,
    /// Whether the status `unpaid` counts.
    pub unpaid: Unpaid,
    /// From when a subscription counts.
    pub active_from: ActiveFrom,
    /// Whether churn counts from its request or from its end.
    pub churn_at: ChurnAt,
    /// Whether discounts that never end are taken off.
    pub discount_forever: DiscountRule,
    /// Whether discounts that last some months are taken off.
    pub discount_repeating: DiscountRule,
    /// Whether discounts on one invoice are taken off.
    pub discount_once: DiscountRule,
    /// What a fall to 0 by discount is.
    pub zero_by_discount: ZeroByDiscount,
    /// Whether a subscription whose collection is paused counts.
    pub pause_collection: PauseRule,
    /// What items with measured usage count.
    pub metered: Metered,
    /// Whether a subscription that is paused as a whole counts.
    pub paused: Paused,
    /// What a running subscription that is put on trial does.
    pub trial_granted: TrialGranted,
    /// Whether tax inside a price is taken out.
    pub inclusive_tax: InclusiveTax,
    /// Within which window changes net.
    pub netting: Netting,
    /// Within how many days a return is a reactivation; `None` is any.
    pub reactivation_within_days: Option<u32>,
    /// What a return is called.
    pub reactivation_as: ReactivationAs,
    /// Its rows are converted into this currency (rule `revaluation`); never a knob: `reporting` makes such a twin.
    pub reporting: Option<Currency>,
    /// What the configuration says of products and prices; never a knob.
    pub plans: Arc<Plans>,
}

macro_rules! knob {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumString, IntoStaticStr, VariantNames,
        )]
        #[serde(rename_all = "snake_case")]
        #[strum(serialize_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// The knob's value as the configuration writes it.
            pub fn as_str(self) -> &'static str {
                self.into()
            }

            /// Reads the configuration's word; `None` for any other.
            pub fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }

            /// Every word the configuration may use.
            pub const WORDS: &'static [&'static str] = Self::VARIANTS;
        }
    )+};
}

knob! {
    /// Whether a subscription that is `unpaid` counts.
    Unpaid {
        /// It is churn from then on.
        Churn,
        /// It goes on counting its whole amount.
        Count,
    }
    /// From when a subscription counts.
    ActiveFrom {
        /// From the start of the subscription.
        Start,
        /// From the payment of its first invoice above 0.
        FirstPayment,
    }
    /// When a cancellation takes MRR away.
    ChurnAt {
        /// When it is asked for.
        Request,
        /// When the subscription ends.
        End,
    }
    /// Whether a discount is taken off.
    DiscountRule {
        /// It is taken off MRR.
        Subtract,
        /// It is left alone: MRR is before it.
        Ignore,
    }
    /// What a fall to 0 by discount is.
    ZeroByDiscount {
        /// The customer is lost: churn.
        Churn,
        /// The customer stays: contraction to 0.
        Contraction,
    }
    /// Whether a subscription counts whose collection is paused.
    PauseRule {
        /// It goes on counting its whole amount.
        Count,
        /// It counts 0 meanwhile.
        Zero,
    }
    /// Whether the status `paused` counts.
    Paused {
        /// It counts 0 meanwhile.
        Zero,
        /// It goes on counting its whole amount.
        Count,
    }
    /// What a running subscription that is put on trial does.
    TrialGranted {
        /// It counts 0 until its trial ends; the customer stays.
        Contraction,
        /// It goes on counting its whole amount.
        Count,
    }
    /// Whether tax inside a price is taken out.
    InclusiveTax {
        /// MRR is without the tax.
        Subtract,
        /// MRR is what the price says.
        Keep,
    }
    /// What a return is called.
    ReactivationAs {
        /// A line of its own.
        Reactivation,
        /// It is part of expansion.
        Expansion,
        /// It is part of new.
        New,
    }
}

/// Whether a subscription that is `past_due` counts, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PastDue {
    /// It counts as if it were active.
    Count,
    /// It counts 0 meanwhile.
    Zero,
    /// As if active for so many times 24 hours.
    Days(u32),
}

/// What items billed by measured usage count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metered {
    /// They count 0 MRR.
    Ignore,
    /// The last paid invoice's line.
    LastInvoice,
    /// The mean of so many last ones.
    Mean(u32),
}

/// Within which window changes net to one movement (rule `netting`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Netting {
    /// Every change is a movement.
    None,
    /// From the first change, so many minutes, at most to the day's end.
    Window(u32),
    /// All changes of an accounting day are one movement.
    Day,
    /// All changes of an accounting month are one movement.
    Month,
}

impl Profile {
    /// Names of the built-in profiles.
    pub const BUILT_IN: [&'static str; 4] = ["stripe", "finance", "chartmogul", "profitwell"];

    /// The same rules with everything converted into `currency`: a ledger of its own, kept beside this one.
    pub fn reporting(&self, currency: Currency) -> Self {
        Self { name: format!("{} in {currency}", self.name).into(), reporting: Some(currency), ..self.clone() }
    }

    /// The currency that everything is converted into under a profile of this name, as [`Profile::reporting`] names one; `None` where
    /// each currency stays its own.
    pub fn converts_into(name: &str) -> Option<Currency> {
        let (_, currency) = name.rsplit_once(" in ")?;
        currency.parse().ok()
    }

    /// A built-in profile: the table of rule `knobs`, column by column.
    pub fn built_in(name: &str) -> Option<Self> {
        let stripe = Self {
            name: "stripe".into(),
            past_due: PastDue::Count,
            unpaid: Unpaid::Churn,
            active_from: ActiveFrom::Start,
            churn_at: ChurnAt::Request,
            discount_forever: DiscountRule::Subtract,
            discount_repeating: DiscountRule::Ignore,
            discount_once: DiscountRule::Ignore,
            zero_by_discount: ZeroByDiscount::Churn,
            pause_collection: PauseRule::Count,
            metered: Metered::Ignore,
            paused: Paused::Zero,
            trial_granted: TrialGranted::Contraction,
            inclusive_tax: InclusiveTax::Subtract,
            netting: Netting::Day,
            reactivation_within_days: None,
            reactivation_as: ReactivationAs::Reactivation,
            reporting: None,
            plans: Arc::default(),
        };
        let subtract_all =
            Self { discount_repeating: DiscountRule::Subtract, churn_at: ChurnAt::End, ..stripe.clone() };
        match name {
            "stripe" => Some(stripe),
            "finance" => Some(Self {
                name: "finance".into(),
                zero_by_discount: ZeroByDiscount::Contraction,
                pause_collection: PauseRule::Zero,
                ..subtract_all
            }),
            "chartmogul" => Some(Self {
                name: "chartmogul".into(),
                unpaid: Unpaid::Count,
                active_from: ActiveFrom::FirstPayment,
                discount_once: DiscountRule::Subtract,
                zero_by_discount: ZeroByDiscount::Contraction,
                netting: Netting::Window(60),
                ..subtract_all
            }),
            "profitwell" => Some(Self {
                name: "profitwell".into(),
                past_due: PastDue::Days(30),
                active_from: ActiveFrom::FirstPayment,
                discount_once: DiscountRule::Subtract,
                pause_collection: PauseRule::Zero,
                metered: Metered::LastInvoice,
                netting: Netting::Month,
                ..subtract_all
            }),
            _ => None,
        }
    }
}
