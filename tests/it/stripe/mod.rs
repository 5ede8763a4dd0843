//! The wire: signatures and every shape Stripe has sent.

mod envelope;
mod eras;
mod golden;
mod invoices;
mod line;
mod minimal;
mod odd;
mod published;
mod shapes;
mod signature;
mod told;
mod wire;
