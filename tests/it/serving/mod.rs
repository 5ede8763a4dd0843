//! The daemon as Stripe and its operator meet it: webhooks, bounds, configuration, files in and out.

mod bounds;
mod closing;
mod commands;
mod compare;
mod scraping;
mod webhooks;
