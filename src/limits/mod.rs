//! Every bound, with its why. What a user may want to change is a setting; these are not.

mod alerting;
mod history;
mod questions;
mod receiving;
mod reconciling;
mod running;
mod visiting;

pub use self::{alerting::*, history::*, questions::*, receiving::*, reconciling::*, running::*, visiting::*};
