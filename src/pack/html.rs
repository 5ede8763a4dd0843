//! The pack as one HTML file that prints: nothing is fetched, nothing runs, and whatever isn't HTML is escaped by its type.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    figures::Figures,
    said::{Block, Number, Piece, Said, Section, Shown},
};

const STYLE: &str = include_str!("pack.css");
/// Neither scripts nor anything from elsewhere, wherever the file is opened.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

pub(super) fn document(figures: &Figures, sections: &[Section]) -> String {
    let title = format!("MRR of {}", figures.month_name());
    let url = figures.url.as_deref();
    let page: Markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) @if figures.draft { " (draft)" } }
                style { (PreEscaped(STYLE)) (PreEscaped(running(&title, figures.draft))) }
            }
            body {
                @if figures.draft { div class="draft" aria-hidden="true" { "DRAFT" } }
                header {
                    h1 { (title) @if figures.draft { " " span class="mark" { "draft" } } }
                    dl { @for (what, said) in &figures.about { div { dt { (what) } dd { (said) } } } }
                    nav { ol { @for section in sections { li { a href={ "#" (section.id) } { (section.title) } } } } }
                    p class="note" {
                        @if url.is_some() {
                            "Each number leads to the answer of mrrd's API that it is a field of, as the log stood then."
                        } @else {
                            "Each number names the answer of mrrd's API that it is a field of; with alerts.url set it would lead there."
                        }
                    }
                }
                main { @for section in sections { (section_of(section, url)) } }
            }
        }
    };
    page.into_string()
}

/// What stands in the margins of each printed page.
fn running(title: &str, draft: bool) -> String {
    let draft = if draft { " · DRAFT: the month isn't closed" } else { "" };
    // The title is a month: nothing in it ends a string of CSS.
    format!("@page{{@top-left{{content:\"{title}{draft}\"}}}}")
}

fn section_of(section: &Section, url: Option<&str>) -> Markup {
    html! {
        section id=(section.id) {
            h2 {
                (section.title)
                @if let Some(url) = url { " " a class="page" href={ (url) (section.page) } { "in mrrd" } }
            }
            @for block in &section.blocks {
                @match block {
                    Block::Heading(heading) => h3 { (heading) },
                    Block::Said(all) => p { @for (nth, one) in all.iter().enumerate() { @if nth > 0 { " " } (said(one, url)) } },
                    Block::Chart(svg) => figure { (PreEscaped(svg)) },
                    Block::Table(table) => (shown(table, url)),
                    Block::Note(note) => p class="note" { (note) },
                }
            }
        }
    }
}

fn said(said: &Said, url: Option<&str>) -> Markup {
    html! { @for one in &said.0 { (piece(one, url)) } }
}

fn piece(piece: &Piece, url: Option<&str>) -> Markup {
    html! {
        @match (piece, url) {
            (Piece::Text(text), _) | (Piece::Page { text, .. }, None) => (text),
            (Piece::Page { text, path }, Some(url)) => a href={ (url) (path) } { (text) },
            (Piece::Number(Number { text, source }), Some(url)) => a class="n" href={ (url) (source) } { (text) },
            (Piece::Number(Number { text, source }), None) => span class="n" title=(source) { (text) },
        }
    }
}

fn shown(table: &Shown, url: Option<&str>) -> Markup {
    let words = |at: usize| (at >= table.words).then_some("r");
    html! {
        table class=(size(table)) {
            caption { (table.caption) }
            thead { tr { @for (at, column) in table.columns.iter().enumerate() { th scope="col" class=[words(at)] { (column) } } } }
            tbody {
                @for row in &table.rows {
                    tr class=[kind(row.strong, row.inner)] {
                        @for (at, cell) in row.cells.iter().enumerate() { td class=[words(at)] { (piece(cell, url)) } }
                    }
                }
            }
        }
    }
}

/// How much room a table needs: what is short stays on one page, what has many columns is set smaller.
fn size(table: &Shown) -> &'static str {
    match (table.rows.len() <= 16, table.columns.len()) {
        (true, 0..=7) => "short",
        (false, 0..=7) => "",
        (true, 8..=9) => "short many",
        (false, 8..=9) => "many",
        (true, _) => "short many wide",
        (false, _) => "many wide",
    }
}

fn kind(strong: bool, inner: bool) -> Option<&'static str> {
    match (strong, inner) {
        (true, _) => Some("strong"),
        (_, true) => Some("inner"),
        _ => None,
    }
}
