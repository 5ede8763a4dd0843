//! The daemon as Stripe and its operator meet it: webhooks, bounds, configuration, files in and out.

mod basis;
mod beyond;
mod bounds;
mod clock;
pub(crate) mod closing;
mod commands;
mod compare;
mod doctor;
mod door;
mod export;
mod init;
mod mistyped;
mod misuse;
mod pack;
mod scraping;
mod steering;
mod terminal;
mod traces;
mod unknown;
mod walk;
pub(crate) mod webhooks;
