//! The lines of a CSV that people import: its heading names the columns in any order, and a line that can't be taken is set aside
//! by its number while all others are read.

use thiserror::Error;

use crate::{limits, spreadsheet::records, store::records::imports::SetAside};

/// Why a file holds no lines to import at all.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadSheet {
    /// The first line isn't the heading that is wanted, which this tells.
    #[error("its first line should be {0}")]
    Heading(String),
    /// Nothing follows the heading.
    #[error("it has no line but its first")]
    Empty,
    /// It has so many lines, more than one import takes.
    #[error("it has {0} lines, more than the {max} of one import: split it", max = limits::IMPORT_LINES)]
    TooLong(usize),
}

/// The columns of a kind of file. The last may be left out.
pub(super) struct Layout<const N: usize>(pub(super) [&'static str; N]);

/// The cells of one line, in the order of its layout; `None` where the line ends before one, or the file lacks the column.
pub(super) struct Line<'l, const N: usize> {
    /// Where it begins in the file, from 1.
    pub(super) number: i64,
    /// Without the white space around each.
    pub(super) cells: [Option<&'l str>; N],
}

/// What was read of a file: rows, and the lines that are no row with their reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken<R> {
    pub(super) rows: Vec<R>,
    pub(super) set_aside: Vec<SetAside>,
}

/// The longest reason kept of a line that was set aside, in characters: it may quote the line.
const REASON_MAX: usize = 300;

impl<const N: usize> Layout<N> {
    /// Reads a file line by line; `row` makes a row of a line, or says why it can't.
    pub(super) fn read<R>(
        &self,
        text: &str,
        row: impl Fn(&Line<'_, N>) -> Result<R, String>,
    ) -> Result<Taken<R>, BadSheet> {
        let mut lines = records(text).into_iter();
        let heading = lines.next().map(|(_, cells)| cells).unwrap_or_default();
        let places = self.0.map(|column| heading.iter().position(|name| name.eq_ignore_ascii_case(column)));
        let told = places.iter().flatten().count();
        if places.iter().take(N - 1).any(Option::is_none) || heading.len() != told {
            return Err(BadSheet::Heading(self.heading()));
        }
        let filled: Vec<_> = lines.filter(|(_, cells)| cells.iter().any(|cell| !cell.is_empty())).collect();
        if filled.is_empty() {
            return Err(BadSheet::Empty);
        }
        if filled.len() > limits::IMPORT_LINES {
            return Err(BadSheet::TooLong(filled.len()));
        }
        let mut taken = Taken { rows: Vec::with_capacity(filled.len()), set_aside: Vec::new() };
        for (number, cells) in &filled {
            let number = i64::try_from(*number).unwrap_or(i64::MAX);
            let line = Line { number, cells: places.map(|place| cells.get(place?)) };
            let read = if cells.len() > told {
                Err(format!("it has {} cells, its heading {told}", cells.len()))
            } else {
                row(&line)
            };
            match read {
                Ok(row) => taken.rows.push(row),
                Err(reason) => {
                    let reason = reason.chars().take(REASON_MAX).collect();
                    taken.set_aside.push(SetAside { line: number, reason });
                }
            }
        }
        Ok(taken)
    }

    /// The heading as people write it, without the last column or with it.
    pub(super) fn heading(&self) -> String {
        format!("{} or {}", self.0[..N - 1].join(","), self.0.join(","))
    }
}
