//! Segments: which customers a question is about, in a small language, and on which days each of them is one (rule `segments`).

mod judge;
mod language;
mod parse;
mod steps;
mod tokens;

pub use self::{
    judge::{Customer, Members, Values, membership},
    language::{Check, Comparison, Expression, Key, Literal, STATUSES, Test},
    parse::{Mistake, parse},
    steps::Steps,
};
