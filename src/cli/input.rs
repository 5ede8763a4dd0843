//! A file that a command reads whole, or what comes on standard input.

use std::{io::Read, path::Path};

use super::Failure;

/// The text of `file`; `-` is standard input.
pub(super) fn text_of(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_string(&mut text).map(drop)
    } else {
        std::fs::read_to_string(file).map(|contents| text = contents)
    };
    read.map_err(|error| Failure::Failed(format!("{} can't be read: {error}", file.display())))?;
    Ok(text)
}
