//! The words in which an outcome says what it is: kinds of movement, causes and their roll-ups, kinds of quality entry.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// An enum whose variants are words of the API, `snake_case` there and in stored rows.
macro_rules! words {
    ($(#[$doc:meta])* $all:literal: $name:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, EnumString, IntoStaticStr,
            VariantArray,
        )]
        #[serde(rename_all = "snake_case")]
        #[strum(serialize_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            #[doc = $all]
            pub const ALL: &'static [Self] = Self::VARIANTS;

            /// The word that the API and stored rows write.
            pub fn as_str(self) -> &'static str {
                self.into()
            }

            /// Reads that word; `None` for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    };
}

words! {
    /// The kind of a movement (rule `kinds`).
    "All kinds, in the order of the bridge.": Kind {
        /// Money first seen already running.
        OpeningBalance,
        /// The first MRR of a customer.
        New,
        /// More of a running customer.
        Expansion,
        /// Back after none.
        Reactivation,
        /// Less of a running customer.
        Contraction,
        /// None left.
        Churn,
        /// Revaluation; reporting-currency ledgers only.
        Fx,
        /// Came and went within the window: no movement, but its parts are kept and counted.
        Transient,
    }
}

/// Causes, and the roll-up that each belongs to.
macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident => $rollup:ident),+ $(,)?) => {
        words! {
            /// Why money moved (rule `causes`).
            "Every cause.": Cause { $($(#[$doc])* $name),+ }
        }

        impl Cause {
            /// The one roll-up it belongs to.
            pub fn rollup(self) -> Rollup {
                match self { $(Self::$name => Rollup::$rollup),+ }
            }
        }
    };
}

causes! {
    /// Its amount before the log began.
    OpeningBalance => New,
    /// Created with an earlier start date.
    Imported => New,
    /// A trial became paid.
    TrialConversion => New,
    /// Known before at a price of 0.
    FreeToPaid => New,
    /// The first subscription.
    FirstSubscription => New,
    /// Paid again after unpaid or past due.
    Recovery => Involuntary,
    /// Running again after a pause.
    Resume => Paused,
    /// A cancellation was taken back.
    CancellationWithdrawn => Voluntary,
    /// Back after an end.
    Winback => Reactivation,
    /// Paused.
    Pause => Paused,
    /// A payment was disputed.
    Dispute => Involuntary,
    /// Ended by a retention policy.
    RetentionPolicy => Involuntary,
    /// Asked for.
    Cancellation => Voluntary,
    /// Payment failed.
    PaymentFailure => Involuntary,
    /// A discount took it all.
    FullDiscount => Discount,
    /// What counts now has a list price of 0.
    ToFree => Downgrade,
    /// None of it is left.
    QuantityZero => Downgrade,
    /// Ended, without evidence why.
    UnknownEnd => Unknown,
    /// Moved to another currency.
    CurrencySwitch => Currency,
    /// Put back on trial.
    TrialGranted => Paused,
    /// Back from such a trial.
    TrialEnded => Paused,
    /// Another subscription ended, and with it a product.
    ProductDropped => Downgrade,
    /// Another subscription ended; the product is still held.
    SubscriptionDropped => Downgrade,
    /// Another subscription began, of a product not held.
    CrossSell => CrossSell,
    /// Another subscription began, of a product held already.
    ExtraSubscription => CrossSell,
    /// An item came.
    AddOn => AddOn,
    /// An item left.
    AddOnRemoved => Downgrade,
    /// Same product, other interval.
    IntervalChange => Price,
    /// The same plan costs more.
    PriceIncrease => Price,
    /// The same plan costs less.
    PriceDecrease => Price,
    /// Another, dearer price.
    PlanUpgrade => Upsell,
    /// Another, cheaper price.
    PlanDowngrade => Downgrade,
    /// More units.
    QuantityIncrease => Upsell,
    /// Fewer units.
    QuantityDecrease => Downgrade,
    /// A discount began.
    DiscountStart => Discount,
    /// A discount ended.
    DiscountEnd => Discount,
    /// A discount changed.
    DiscountChange => Discount,
    /// Measured usage changed.
    Usage => Usage,
    /// Revaluation.
    Fx => Currency,
    /// None of the above.
    Other => Unknown,
}

words! {
    /// Groups of causes (rule `roll-ups`); `reactivation` is never counted as expansion unless a profile says so.
    "Every roll-up, in the order of the rules.": Rollup {
        /// First money.
        New,
        /// More of the same.
        Upsell,
        /// Another product or subscription.
        CrossSell,
        /// Another item.
        AddOn,
        /// The same at another price.
        Price,
        /// Discounts.
        Discount,
        /// Less of it.
        Downgrade,
        /// Pauses and granted trials.
        Paused,
        /// Asked for.
        Voluntary,
        /// Payment, dispute, policy.
        Involuntary,
        /// Back after an end.
        Reactivation,
        /// Between currencies.
        Currency,
        /// Measured usage.
        Usage,
        /// No evidence.
        Unknown,
    }
}

words! {
    /// What kind of thing couldn't be known (rules `unknown-amounts` and `snapshot-order`).
    "All kinds, as their entries are sorted.": QualityKind {
        /// An item whose amount isn't known: counted in no figure.
        UnpricedItem,
        /// An item that counts an estimate.
        EstimatedItem,
        /// A discount whose terms aren't known.
        UnresolvedDiscount,
        /// A chain of snapshots that breaks.
        Gap,
        /// An order that only the event's id could settle.
        UnresolvedTie,
        /// A change that should have come and hasn't.
        Overdue,
        /// An inclusive price whose rate isn't known.
        TaxUnknown,
        /// A status or value mrrd doesn't know.
        UnknownValue,
        /// An exchange rate that isn't there: reporting-currency ledgers only.
        MissingRate,
        /// A stretch before the log began in which invoices don't tell what changed, or when.
        UnclearPast,
        /// A discount known only by its id, read off the invoice lines that show it.
        DiscountEstimated,
        /// A discount's duration, read off when it went.
        DurationInferred,
    }
}
