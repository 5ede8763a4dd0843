//! What the simulated company sells: plans, add-ons, prices in three currencies and four billing cycles, and coupons.
//!
//! Yen prices include a tenth of consumption tax, which Stripe Tax tells on invoice lines only. They are such that the tax
//! in every line comes to whole yen, whatever coupon it bears: what a line tells is the exact share.

use crate::ledger::time::UnixTime;

use super::random::Random;

/// The currencies the company sells in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Money {
    /// The dollar of the United States, in cents.
    Usd,
    /// The euro, in cents.
    Eur,
    /// Yen, which has no minor unit.
    Jpy,
}

impl Money {
    /// Every currency that the account sells in.
    pub const ALL: [Self; 3] = [Self::Usd, Self::Eur, Self::Jpy];

    /// Its code as Stripe writes it, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usd => "usd",
            Self::Eur => "eur",
            Self::Jpy => "jpy",
        }
    }

    pub(super) fn minor_units(self) -> i128 {
        if self == Self::Jpy { 1 } else { 100 }
    }
}

/// How often a price bills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cycle {
    Week,
    Month,
    Quarter,
    Year,
}

impl Cycle {
    pub(super) const ALL: [Self; 4] = [Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// `interval` and `interval_count`.
    pub(super) fn recurring(self) -> (&'static str, u32) {
        match self {
            Self::Week => ("week", 1),
            Self::Month => ("month", 1),
            Self::Quarter => ("month", 3),
            Self::Year => ("year", 1),
        }
    }

    /// Cycles in a month, as a ratio.
    pub(super) fn per_month(self) -> (i128, i128) {
        match self {
            Self::Week => (52, 12),
            Self::Month => (1, 1),
            Self::Quarter => (1, 3),
            Self::Year => (1, 12),
        }
    }

    /// When the `n`th cycle after `anchor` ends.
    pub(super) fn after(self, anchor: UnixTime, n: i64) -> UnixTime {
        if self == Self::Week {
            return anchor.plus(n.saturating_mul(7 * UnixTime::DAY_SECONDS));
        }
        let months = if self == Self::Year { 12 } else { i64::from(self.recurring().1) };
        months_after(anchor, n.saturating_mul(months))
    }
}

/// `months` calendar months after `anchor`, on the month's last day where it has none of that number.
pub fn months_after(anchor: UnixTime, months: i64) -> UnixTime {
    let later = jiff::Timestamp::from_second(anchor.0)
        .map(|at| at.to_zoned(jiff::tz::TimeZone::UTC))
        .and_then(|at| at.checked_add(jiff::Span::new().try_months(months)?));
    // Simulated times lie far inside the calendar; were one outside, the cycle would not end.
    later.map_or(UnixTime(i64::MAX), |at| UnixTime(at.timestamp().as_second()))
}

#[derive(Debug)]
pub(super) struct Product {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// Bought beside a plan, not instead of one.
    pub(super) add_on: bool,
    /// Sold by number.
    pub(super) seats: bool,
    base: Base,
}

/// A product's monthly price in hundredths of a minor unit.
#[derive(Debug)]
struct Base {
    /// In US dollars, and as much in euro.
    western: i64,
    /// In yen, with its tax.
    yen: i64,
}

/// From the smallest plan up, then the add-ons.
pub(super) const PRODUCTS: [Product; 7] = [
    Product { id: "prod_TmFreeTier0001", name: "Free", add_on: false, seats: false, base: Base { western: 0, yen: 0 } },
    Product {
        id: "prod_TmStarter00001",
        name: "Starter",
        add_on: false,
        seats: false,
        base: Base { western: 190_000, yen: 880_000 },
    },
    Product {
        id: "prod_TmTeam00000001",
        name: "Team",
        add_on: false,
        seats: true,
        base: Base { western: 120_000, yen: 440_000 },
    },
    Product {
        id: "prod_TmBusiness0001",
        name: "Business",
        add_on: false,
        seats: true,
        base: Base { western: 290_000, yen: 880_000 },
    },
    Product {
        id: "prod_TmAnalytics001",
        name: "Analytics",
        add_on: true,
        seats: false,
        base: Base { western: 450_000, yen: 660_000 },
    },
    Product {
        id: "prod_TmSupport00001",
        name: "Priority support",
        add_on: true,
        seats: false,
        base: Base { western: 990_000, yen: 1_450_000 },
    },
    // Sold by the thousand, at a fraction of a cent each.
    Product {
        id: "prod_TmApiCalls0001",
        name: "API calls",
        add_on: true,
        seats: true,
        base: Base { western: 135, yen: 215 },
    },
];

/// Where each plan stands in [`PRODUCTS`].
pub(super) const FREE: usize = 0;
pub(super) const PLANS: std::ops::Range<usize> = 1..4;
pub(super) const ADD_ONS: std::ops::Range<usize> = 4..7;
pub(super) const API_CALLS: usize = 6;

#[derive(Clone, Debug)]
pub(super) struct Price {
    pub(super) id: String,
    pub(super) product: usize,
    pub(super) cycle: Cycle,
    pub(super) currency: Money,
    /// Hundredths of a minor unit for one.
    pub(super) unit_hundredths: i64,
    pub(super) created: UnixTime,
    /// Old and new price of one kind share it.
    pub(super) nickname: String,
}

/// What a coupon takes off.
#[derive(Clone, Copy, Debug)]
pub(super) enum Off {
    /// Tenths of a percent.
    Permille(i128),
    /// Minor units for each invoice.
    Amount(i128, Money),
}

/// How long a coupon lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lasts {
    Forever,
    Months(u32),
    Once,
}

#[derive(Debug)]
pub(super) struct Coupon {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) off: Off,
    pub(super) lasts: Lasts,
}

const fn coupon(id: &'static str, name: &'static str, off: Off, lasts: Lasts) -> Coupon {
    Coupon { id, name, off, lasts }
}

/// Every coupon the company gives out.
pub(super) const COUPONS: [Coupon; 11] = [
    coupon("FRIENDS20", "20% off", Off::Permille(200), Lasts::Forever),
    coupon("NONPROFIT", "One third off", Off::Permille(333), Lasts::Forever),
    coupon("SPRING50", "Half price for three months", Off::Permille(500), Lasts::Months(3)),
    coupon("TWOFREE", "Two months free", Off::Permille(1000), Lasts::Months(2)),
    coupon("SPONSORED", "Sponsored", Off::Permille(1000), Lasts::Forever),
    coupon("WELCOME", "30% off the first invoice", Off::Permille(300), Lasts::Once),
    coupon("FIVEDOLLARS", "$5 off", Off::Amount(500, Money::Usd), Lasts::Forever),
    coupon("FIVEEUROS", "5 EUR off", Off::Amount(500, Money::Eur), Lasts::Forever),
    coupon("SENYEN", "1100 JPY off for four months", Off::Amount(1100, Money::Jpy), Lasts::Months(4)),
    coupon("TENDOLLARS", "$10 off for half a year", Off::Amount(1000, Money::Usd), Lasts::Months(6)),
    coupon("ODDDOLLARS", "$4.31 off", Off::Amount(431, Money::Usd), Lasts::Forever),
];

/// Coupons whose discounts are never told but by their ids on subscriptions and their amounts on invoice lines. An amount
/// that no half percent of a monthly price comes to can be told from a percentage.
pub(super) const FRIENDS: usize = 0;
pub(super) const SPRING: usize = 2;
pub(super) const WELCOME: usize = 5;
pub(super) const ODD_DOLLARS: usize = 10;

/// All prices, old and new.
#[derive(Debug)]
pub(super) struct Catalog {
    pub(super) prices: Vec<Price>,
}

impl Catalog {
    /// The first price list.
    pub(super) fn new(random: &mut Random, created: UnixTime) -> Self {
        let mut catalog = Self { prices: Vec::new() };
        for product in 0..PRODUCTS.len() {
            for currency in Money::ALL {
                for cycle in Cycle::ALL {
                    catalog.add(random, product, currency, cycle, 0, created);
                }
            }
        }
        catalog
    }

    /// Adds one price; the second version costs an eighth more, in yen half as much again.
    pub(super) fn add(
        &mut self,
        random: &mut Random,
        product: usize,
        currency: Money,
        cycle: Cycle,
        version: u32,
        created: UnixTime,
    ) -> usize {
        let Base { western, yen } = PRODUCTS[product].base;
        let (month, quarter, rise) = match currency {
            Money::Jpy => (yen, yen * 11 / 4, 2),
            Money::Usd | Money::Eur => (western, western * 3 * 95 / 100, 8),
        };
        // A quarter and a year save something; a week is a quarter of a month, cut to the minor unit.
        let unit = match cycle {
            Cycle::Week => month / 4,
            Cycle::Month => month,
            Cycle::Quarter => quarter,
            Cycle::Year => month * 10,
        };
        let unit = if version == 0 { unit } else { unit + unit / rise };
        // Whole minor units for plans; API calls are priced in fractions.
        let unit_hundredths = if product == API_CALLS { unit } else { unit / 100 * 100 };
        let (interval, count) = cycle.recurring();
        let nickname = format!("{}, every {count} {interval}, {}", PRODUCTS[product].name, currency.as_str());
        self.prices.push(Price {
            id: random.id("price_1T", 22),
            product,
            cycle,
            currency,
            unit_hundredths,
            created,
            nickname,
        });
        self.prices.len() - 1
    }

    /// The newest price of its kind.
    pub(super) fn find(&self, product: usize, currency: Money, cycle: Cycle) -> usize {
        let fits = |price: &Price| price.product == product && price.currency == currency && price.cycle == cycle;
        // The first price list holds every combination.
        self.prices.iter().rposition(fits).unwrap_or(0)
    }
}
