//! Alerts finance can trust: calibrated to the account's own history, each saying how often chance alone would bring it.
//!
//! `history` turns the ledger into days, `detector` and `backtest` judge them, `judge` says what is new among it; `watch`
//! does that whenever the ledger moves, keeps alerts with their messages, and `outbox` delivers those by `channels`.

pub mod alert;
pub mod backtest;
pub mod channels;
pub mod detector;
mod digest;
mod distance;
pub mod drift;
mod goals;
mod health;
pub mod history;
pub mod judge;
mod large_loss;
pub mod lease;
mod levels;
mod look;
pub mod message;
mod outbox;
pub mod past;
pub mod sample;
mod second_look;
mod silence;
pub mod watch;
pub mod words;
