//! The wire: signatures and every shape Stripe has sent.

mod eras;
mod golden;
mod line;
mod shapes;
mod signature;
