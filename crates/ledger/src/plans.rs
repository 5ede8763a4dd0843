//! What a configuration says of products and prices, under every profile alike: which prices are one plan, and what is no
//! recurring business (`ledger.same_plan`, `ledger.exclude`).

use std::collections::BTreeSet;

use crate::ids::{PriceId, ProductId};

/// Named pairs of prices, and the products and prices that count in no figure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Plans {
    /// Each pair the smaller id first.
    same: BTreeSet<(PriceId, PriceId)>,
    products: BTreeSet<ProductId>,
    prices: BTreeSet<PriceId>,
}

impl Plans {
    /// From what is written; the order within a pair says nothing.
    pub fn new(
        same: impl IntoIterator<Item = (PriceId, PriceId)>,
        products: impl IntoIterator<Item = ProductId>,
        prices: impl IntoIterator<Item = PriceId>,
    ) -> Self {
        let sorted = |(a, b): (PriceId, PriceId)| if a <= b { (a, b) } else { (b, a) };
        Self {
            same: same.into_iter().map(sorted).collect(),
            products: products.into_iter().collect(),
            prices: prices.into_iter().collect(),
        }
    }

    /// Whether two prices were named as the same plan.
    pub(crate) fn same(&self, a: &PriceId, b: &PriceId) -> bool {
        // Few configurations name any, and every change of price asks.
        let named = |a: &PriceId, b: &PriceId| self.same.iter().any(|(one, other)| one == a && other == b);
        !self.same.is_empty() && (named(a, b) || named(b, a))
    }

    /// Whether items of this product or price are left out of every figure.
    pub(crate) fn left_out(&self, product: Option<&ProductId>, price: &PriceId) -> bool {
        self.prices.contains(price) || product.is_some_and(|product| self.products.contains(product))
    }
}
