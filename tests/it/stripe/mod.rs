//! The wire: signatures and every shape Stripe has sent.

mod golden;
mod line;
mod signature;
