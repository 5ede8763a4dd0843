//! Published figures of other vendors and of Stripe (tests/data/vectors/metrics.jsonl), row by row: each is checked, or
//! named here with the reason why it isn't ours. Errata and anti-vectors are held against: what they print never comes out.

mod story;
mod vectors;
