//! Alerts finance can trust: calibrated to the account's own history, each saying how often chance alone would bring it.

pub mod alert;
pub mod backtest;
pub mod detector;
pub mod history;
