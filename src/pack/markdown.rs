//! The pack as Markdown: the same sentences and tables, without drawings; each section names the page that shows it.

use super::{
    figures::Figures,
    said::{Block, Piece, Said, Section, Shown},
};

pub(super) fn document(figures: &Figures, sections: &[Section]) -> String {
    let mut text = format!("# MRR of {}{}\n\n", figures.month_name(), if figures.draft { " (draft)" } else { "" });
    for (what, said) in &figures.about {
        text.push_str(&format!("- {what}: {}\n", escaped(said)));
    }
    for section in sections {
        text.push_str(&format!("\n## {}\n", section.title));
        for block in &section.blocks {
            match block {
                Block::Heading(heading) => text.push_str(&format!("\n### {heading}\n")),
                Block::Said(all) => {
                    let sentences: Vec<String> = all.iter().map(said).collect();
                    text.push_str(&format!("\n{}\n", sentences.join(" ")));
                }
                Block::Chart(_) => {}
                Block::Table(table) => text.push_str(&shown(table)),
                Block::Note(note) => text.push_str(&format!("\n_{}_\n", escaped(note))),
            }
        }
        if let Some(url) = &figures.url {
            text.push_str(&format!("\n[In mrrd]({url}{})\n", section.page));
        }
    }
    text
}

fn said(said: &Said) -> String {
    said.0.iter().map(piece).collect()
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Text(text) | Piece::Page { text, .. } => escaped(text),
        Piece::Number(number) => number.text.clone(),
    }
}

fn shown(table: &Shown) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let heads = line(table.columns.iter().map(|column| escaped(column)).collect());
    let rules = (0..table.columns.len()).map(|at| if at < table.words { "---" } else { "---:" }.to_owned());
    let mut text = format!("\n{}\n\n{heads}{}", escaped(&table.caption), line(rules.collect()));
    for row in &table.rows {
        let mut cells: Vec<String> = row.cells.iter().map(piece).collect();
        if let Some(first) = cells.first_mut() {
            if row.strong {
                *first = format!("**{first}**");
            } else if row.inner {
                *first = format!("· {first}");
            }
        }
        text.push_str(&line(cells));
    }
    text
}

/// Text that Markdown takes for nothing but text: names are strangers'.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '#' | '!' | '&' => safe.extend(['\\', c]),
            // Between letters an underscore is one: ids have them.
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_is_never_markup() {
        assert_eq!(super::escaped("a|b [x](http://y) <i>\n# c"), "a\\|b \\[x\\](http://y) \\<i\\> \\# c");
    }
}
