//! What commands print: lines on standard output, JSON where a program reads it.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::config::colour_wanted;

/// Prints one line on standard output.
pub(super) fn line(text: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints a value as one line of JSON.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")
}

/// `text` as a sentence of its own.
pub(super) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}{}", characters.as_str(), if text.ends_with('.') { "" } else { "." })
}

/// `text` in green or red on a terminal that wants colour, plain anywhere else.
pub(super) fn judged(text: &str, good: bool) -> String {
    if io::stdout().is_terminal() && colour_wanted() {
        format!("\u{1b}[{}m{text}\u{1b}[0m", if good { 32 } else { 31 })
    } else {
        text.to_owned()
    }
}
