//! The wire: signatures and every shape Stripe has sent.

mod signature;
