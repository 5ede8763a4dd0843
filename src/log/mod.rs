//! The event log: bodies kept to the byte, appended in groups, sealed in a chain.

pub mod appender;
pub mod codec;
pub mod months;
pub mod sealer;
