//! Rows written by `COPY`, in its text format.

use sqlx::PgConnection;

use super::body::rows::{TableRows, Value, Values};

/// How much of a `COPY` is sent at once.
const COPY_BYTES: usize = 64 * 1024;

/// Writes rows into their table: a `COPY`, which costs the server a third of what as many inserts do.
pub(crate) async fn insert_rows(connection: &mut PgConnection, rows: &TableRows) -> Result<(), sqlx::Error> {
    let TableRows { table, columns, rows } = rows;
    if rows.is_empty() {
        return Ok(());
    }
    let mut copy = connection.copy_in_raw(&format!("COPY {table} ({columns}) FROM STDIN")).await?;
    let mut lines = String::with_capacity(COPY_BYTES);
    for row in rows {
        add_line(row, &mut lines);
        if lines.len() > COPY_BYTES {
            copy.send(lines.as_bytes()).await?;
            lines.clear();
        }
    }
    copy.send(lines.as_bytes()).await?;
    copy.finish().await?;
    Ok(())
}

/// Adds one row's line.
fn add_line(values: &Values, lines: &mut String) {
    use std::fmt::Write as _;

    for (place, value) in values.0.iter().enumerate() {
        if place > 0 {
            lines.push('\t');
        }
        match value {
            // Writing to a String can't fail.
            Value::Number(Some(number)) => drop(write!(lines, "{number}")),
            Value::Truth(truth) => lines.push(if *truth { 't' } else { 'f' }),
            Value::Text(Some(text)) => add_escaped(text, lines),
            Value::Number(None) | Value::Text(None) => lines.push_str("\\N"),
        }
    }
    lines.push('\n');
}

fn add_escaped(text: &str, lines: &mut String) {
    for char in text.chars() {
        match char {
            '\\' => lines.push_str("\\\\"),
            '\n' => lines.push_str("\\n"),
            '\r' => lines.push_str("\\r"),
            '\t' => lines.push_str("\\t"),
            other => lines.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_the_row_holds() {
        let text = "a\\b\tc\nd\re \u{e9} \\N";
        let values = Values::default().bind(-5).bind(true).bind(text).bind("").bind(None::<String>).bind(None::<i64>);
        let mut lines = String::new();
        add_line(&values, &mut lines);
        assert_eq!(lines, "-5\tt\ta\\\\b\\tc\\nd\\re \u{e9} \\\\N\t\t\\N\t\\N\n");
    }
}
