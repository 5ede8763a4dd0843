//! The names of the rules of money, as docs/rules.md defines them: what a step of an explanation cites.

macro_rules! rules {
    ($($name:ident = $text:literal),+ $(,)?) => {
        $(pub(crate) const $name: &str = $text;)+

        /// Every rule that an explanation may cite, by its name in docs/rules.md.
        pub const CITED: &[&str] = &[$($text),+];
    };
}

rules! {
    FIXED_POINT = "fixed-point",
    MONTHLY_AMOUNT = "monthly-amount",
    METERED = "metered",
    UNKNOWN_AMOUNTS = "unknown-amounts",
    DISCOUNT_BY_ID = "discount-by-id",
    DISCOUNT_DURATION = "discount-duration",
    UNKNOWN_VALUES = "unknown-values",
    DISCOUNT_ORDER = "discount-order",
    INCLUSIVE_TAX = "inclusive-tax",
    COUNTED_STATES = "counted-states",
    ITEM_TRIALS = "item-trials",
    UNPAID = "unpaid",
    PAUSE_COLLECTION = "pause-collection",
    CHURN_AT = "churn-at",
    FIRST_PAYMENT = "first-payment",
    PAST_DUE = "past-due",
    SNAPSHOT_ORDER = "snapshot-order",
    ENDS = "ends",
    TIME_ALONE = "time-alone",
    OPENING_BALANCE = "opening-balance",
    GAPS = "gaps",
    KINDS = "kinds",
    NETTING = "netting",
    PARTS = "parts",
    RATES = "rates",
    REVALUATION = "revaluation",
}
