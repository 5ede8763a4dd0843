//! What commands print: lines on standard output, JSON where a program reads it.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::{
    config::colour_wanted,
    report::table::{printable, steers},
};

/// Prints one line on standard output. Text of events and customers is in it: nothing of that steers the terminal.
pub(super) fn line(text: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", plain(&text.to_string()))
}

/// Text without anything that steers a terminal, but for the colours that [`judged`] puts around a whole sentence.
fn plain(text: &str) -> String {
    let coloured = COLOURS.iter().find_map(|colour| text.strip_prefix(colour).map(|rest| (colour, rest)));
    match coloured.and_then(|(colour, rest)| rest.split_once(END).map(|(inside, rest)| (colour, inside, rest))) {
        Some((colour, inside, rest)) if io::stdout().is_terminal() => {
            format!("{colour}{}{END}{}", printable(inside), printable(rest))
        }
        _ => printable(text).into_owned(),
    }
}

/// Prints a value as one line of JSON. What JSON lets through unescaped and a terminal may obey is escaped as well.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string(value)?;
    // Outside of strings JSON has none of these, and each of them is one UTF-16 unit.
    if text.contains(steers) {
        text = text.chars().fold(String::with_capacity(text.len() + 64), |mut text, c| {
            if steers(c) {
                text.push_str(&format!("\\u{:04x}", u32::from(c)))
            } else {
                text.push(c)
            }
            text
        });
    }
    writeln!(io::stdout().lock(), "{text}")
}

/// Writes a file on standard output, which has to lead into one.
pub(super) fn file(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        return Err(io::Error::other("a workbook isn't for a terminal: write it to a file, as in > report.xlsx"));
    }
    out.write_all(bytes)?;
    out.flush()
}

/// Good and bad.
const COLOURS: [&str; 2] = ["\u{1b}[32m", "\u{1b}[31m"];
const END: &str = "\u{1b}[0m";

/// `text` as a sentence of its own.
pub(super) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    format!("{first}{}{}", characters.as_str(), if text.ends_with('.') { "" } else { "." })
}

/// `text` in green or red on a terminal that wants colour, plain anywhere else.
pub(super) fn judged(text: &str, good: bool) -> String {
    if io::stdout().is_terminal() && colour_wanted() {
        let [green, red] = COLOURS;
        format!("{}{}{END}", if good { green } else { red }, printable(text))
    } else {
        text.to_owned()
    }
}
