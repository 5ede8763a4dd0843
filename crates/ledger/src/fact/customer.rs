//! A customer, as far as the ledger needs one.

use std::sync::Arc;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::DiscountState;
use crate::{ids::*, stored};

/// A customer, as far as the ledger needs one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub struct CustomerState {
    /// The id that Stripe gave the customer, `cus_…`.
    #[n(0)]
    pub id: CustomerId,
    /// Two letters, from the address, else from shipping.
    #[cbor(n(1), with = "stored::optional_text", has_nil)]
    pub country: Option<Arc<str>>,
    /// The discount on all the customer pays; `None` where there is none or the shape doesn't tell.
    #[n(2)]
    pub discount: Option<DiscountState>,
    /// `customer.deleted`: ends all its subscriptions (rule `ends`).
    #[serde(default)]
    #[n(3)]
    pub deleted: bool,
    /// The test clock under whose simulated time the customer lives; `None` in real time.
    #[n(4)]
    pub test_clock: Option<TestClockId>,
}
