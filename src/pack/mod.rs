//! The month's pack: one document of a closed month for whoever decides by it, as HTML that prints, a workbook, Markdown and CSV.
//! It says nothing of its own: every number is a field of an answer of the API, and says of which.

mod chart;
mod figures;
mod files;
mod html;
mod markdown;
mod said;
mod sections;
mod tables;

use thiserror::Error;

pub use self::{figures::Question, files::File};
use crate::{
    ledger::time::UnixTime,
    report::{
        ReportError,
        month::Month,
        service::{AskError, Reports},
    },
};

/// Why there is no pack.
#[derive(Debug, Error)]
pub enum PackError {
    /// Not as things stand; says what to do.
    #[error("{0}")]
    Refused(String),
    /// Its figures can't be given.
    #[error(transparent)]
    Ask(#[from] AskError),
}

impl From<ReportError> for PackError {
    fn from(error: ReportError) -> Self {
        Self::Ask(error.into())
    }
}

/// The files of a month's pack, in order: the document first.
///
/// Refuses an open month, unless a draft is asked for, and one whose figures can't be made again as they were closed.
pub async fn pack(reports: &Reports<'_>, question: &Question) -> Result<Vec<File>, PackError> {
    let figures = figures::gather(reports, question).await?;
    let sections = sections::all(&figures);
    Ok(files::all(&figures, &sections)?)
}

/// Refuses what can't be told of a month yet.
fn not_yet(month: Month, now: UnixTime, begins: UnixTime) -> Result<(), PackError> {
    if begins > now {
        return Err(PackError::Refused(format!("{month} hasn't begun: there is nothing to tell of it")));
    }
    Ok(())
}
