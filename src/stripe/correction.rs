//! Credit notes and refunds: kept for the explanation, never MRR.

use std::sync::Arc;

use serde::Deserialize;

use super::json::{List, Named, Obj, Oddities, Raw, Ref};
use crate::ledger::{fact::CorrectionState, ids::CustomerId};

/// A credit note or a refund.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CorrectionWire<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    customer: Ref<'a>,
    #[serde(borrow)]
    customer_account: Ref<'a>,
    /// Of a credit note.
    #[serde(borrow)]
    total: Raw<'a>,
    #[serde(borrow)]
    amount: Raw<'a>,
    #[serde(borrow)]
    currency: Raw<'a>,
}

/// A charge, for the refunds it lists (inline until 2022-11-15; `refund.*` tells them since).
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ChargeWire<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    customer: Ref<'a>,
    #[serde(borrow)]
    refunds: List<Obj<CorrectionWire<'a>>>,
}

impl Named for CorrectionWire<'_> {
    fn object(&self) -> Raw<'_> {
        self.object
    }
}

impl CorrectionWire<'_> {
    /// The state of a `credit_note` or `refund`.
    pub(super) fn read(&self, object: &'static str, odd: &mut Oddities) -> Result<CorrectionState, &'static str> {
        let id = self.id.word("correction.id", odd).ok_or("the credit note or refund has no id")?;
        let amount = self.total.or(self.amount).whole("correction.amount", odd);
        let customer = self.customer.id("correction.customer", odd);
        Ok(CorrectionState {
            id,
            object: object.into(),
            customer: customer.or_else(|| self.customer_account.id("correction.customer", odd)).map(CustomerId::new),
            amount: amount.ok_or("the credit note or refund has no amount")?,
            currency: self.currency.currency("correction.currency", odd),
        })
    }
}

impl Named for ChargeWire<'_> {
    fn object(&self) -> Raw<'_> {
        self.object
    }
}

impl ChargeWire<'_> {
    /// The refunds listed, with the charge's customer.
    pub(super) fn read(&self, odd: &mut Oddities) -> Vec<CorrectionState> {
        let customer: Option<Arc<str>> = self.customer.id("charge.customer", odd);
        let refunds = self.refunds.data.iter();
        refunds
            .filter_map(|refund| {
                let refund = refund.get("charge.refunds", odd)?.read("refund", odd).ok()?;
                Some(CorrectionState { customer: customer.clone().map(CustomerId::new), ..refund })
            })
            .collect()
    }
}
