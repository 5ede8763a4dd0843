//! The way into the log: appended in groups, sealed in a chain, with a partition for each month before it begins.

pub mod appender;
pub mod keeping;
pub mod months;
pub mod sealer;
