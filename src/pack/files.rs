//! The files of a pack: the document, the same as a workbook and as Markdown, and each table as CSV.

use super::{figures::Figures, html, markdown, said::Section, tables};
use crate::report::{ReportError, workbook::workbook};

/// A file, to be written under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// `mrr-2026-10.html`; of a draft `mrr-2026-10-draft.html`.
    pub name: String,
    /// The media type of the file.
    pub kind: &'static str,
    /// The file to the byte.
    pub bytes: Vec<u8>,
}

/// Every file, the document first. The same figures give the same bytes.
pub(super) fn all(figures: &Figures, sections: &[Section]) -> Result<Vec<File>, ReportError> {
    let stem = format!("mrr-{}{}", figures.month, if figures.draft { "-draft" } else { "" });
    let tables = tables::all(figures);
    let file = |end: &str, kind, bytes| File { name: format!("{stem}{end}"), kind, bytes };
    let mut files = vec![
        file(".html", "text/html; charset=utf-8", html::document(figures, sections).into_bytes()),
        file(".xlsx", crate::report::workbook::MEDIA_TYPE, workbook(&figures.about, &tables)?),
        file(".md", "text/markdown; charset=utf-8", markdown::document(figures, sections).into_bytes()),
    ];
    let csv = tables.iter().map(|(name, table)| {
        file(&format!("-{name}.csv"), "text/csv; charset=utf-8", table.csv_in_units().into_bytes())
    });
    files.extend(csv);
    Ok(files)
}
