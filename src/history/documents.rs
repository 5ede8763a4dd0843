//! Events inside a stream of text: one a line, one document, an array, or Stripe's list objects.
//!
//! Each event keeps its own bytes as written. What can't be read is named and skipped; nothing else is lost by it.

use std::io::{self, BufRead, Read};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::limits;

/// One event of a stream, or why there is none at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Where in the stream: `line 17`, `event 3`; empty for the stream itself.
    pub place: String,
    /// The event's own bytes, or the reason; a reason never quotes the text.
    pub body: Result<Bytes, String>,
    /// What stands there, where it can't be read; empty where it is too long to be held.
    pub text: Bytes,
}

/// Hands every document of `stream` to `take`, in order, until that answers false. Errors when the stream itself breaks off,
/// with its place.
pub fn read(mut stream: impl BufRead, take: &mut impl FnMut(Document) -> bool) -> Result<(), String> {
    let mut first = Vec::new();
    let mut number = 0;
    loop {
        number += 1;
        let line = next_line(&mut stream, &mut first).map_err(|error| broken(number, &error))?;
        match line {
            LineRead::None => return Ok(()),
            LineRead::Whole if trimmed(&first).is_empty() => {}
            LineRead::Whole if begins_document(&first) => return whole(first, number, stream, take),
            line => {
                if !take_line(line, &first, number, take) {
                    return Ok(());
                }
                break;
            }
        }
    }
    let mut buffer = first;
    loop {
        number += 1;
        match next_line(&mut stream, &mut buffer).map_err(|error| broken(number, &error))? {
            LineRead::None => return Ok(()),
            LineRead::Whole if trimmed(&buffer).is_empty() => {}
            line => {
                if !take_line(line, &buffer, number, take) {
                    return Ok(());
                }
            }
        }
    }
}

enum LineRead {
    None,
    Whole,
    TooLong,
}

/// Reads up to the end of a line; of one that is too long only its beginning.
fn next_line(stream: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<LineRead> {
    buffer.clear();
    let most = limits::HISTORY_EVENT_BYTES;
    let read = stream.by_ref().take(most as u64).read_until(b'\n', buffer)?;
    if read < most || buffer.ends_with(b"\n") {
        return Ok(if read == 0 { LineRead::None } else { LineRead::Whole });
    }
    // `skip_until` keeps nothing, whatever the line's length.
    stream.skip_until(b'\n')?;
    Ok(LineRead::TooLong)
}

fn take_line(line: LineRead, text: &[u8], number: usize, take: &mut impl FnMut(Document) -> bool) -> bool {
    let place = format!("line {number}");
    match line {
        LineRead::None => true,
        LineRead::TooLong => {
            let reason = format!("it is longer than {} bytes", limits::HISTORY_EVENT_BYTES);
            take(Document { place, body: Err(reason), text: Bytes::new() })
        }
        LineRead::Whole => match serde_json::from_slice::<&RawValue>(trimmed(text)) {
            Ok(value) => expand(value, &place, take),
            Err(error) => {
                take(Document { place, body: Err(syntax(&error)), text: Bytes::copy_from_slice(trimmed(text)) })
            }
        },
    }
}

/// Whether a first line is the beginning of a document of several lines, rather than a damaged line of its own.
fn begins_document(line: &[u8]) -> bool {
    let line = trimmed(line);
    let unfinished = serde_json::from_slice::<&RawValue>(line).is_err_and(|error| error.is_eof());
    unfinished && matches!(line.last(), Some(b'{' | b'[' | b','))
}

/// Reads documents that span lines: one, or several behind each other.
fn whole(
    mut text: Vec<u8>,
    first_line: usize,
    mut stream: impl BufRead,
    take: &mut impl FnMut(Document) -> bool,
) -> Result<(), String> {
    let most = limits::HISTORY_DOCUMENT_BYTES;
    stream.by_ref().take(most as u64).read_to_end(&mut text).map_err(|error| broken(first_line, &error))?;
    if text.len() > most {
        return Err(format!(
            "the document is larger than {most} bytes: write one event a line instead, as `jq -c .data[]` does"
        ));
    }
    let body = text.strip_prefix(BOM).unwrap_or(&text);
    let mut documents = serde_json::Deserializer::from_slice(body).into_iter::<&RawValue>();
    loop {
        let read = documents.byte_offset();
        match documents.next() {
            None => return Ok(()),
            Some(Ok(value)) => {
                let line = first_line + body[..documents.byte_offset()].iter().filter(|&&b| b == b'\n').count();
                if !expand(value, &format!("document ending in line {line}"), take) {
                    return Ok(());
                }
            }
            Some(Err(error)) => {
                let place = format!("line {}", first_line - 1 + error.line());
                let text = Bytes::copy_from_slice(&body[read..]);
                take(Document { place, body: Err(syntax(&error)), text });
                return Ok(());
            }
        }
    }
}

/// An array and a Stripe list object hold events; anything else is taken for one.
fn expand(value: &RawValue, place: &str, take: &mut impl FnMut(Document) -> bool) -> bool {
    #[derive(Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        object: &'a RawValue,
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
    }
    let text = value.get();
    let items = match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(items) => items,
        Err(_) => match serde_json::from_str::<List<'_>>(text) {
            Ok(list) if list.object.get() == "\"list\"" => list.data,
            _ => {
                let body = Ok(Bytes::copy_from_slice(text.as_bytes()));
                return take(Document { place: place.to_owned(), body, text: Bytes::new() });
            }
        },
    };
    items.into_iter().enumerate().all(|(at, item)| {
        let body = Ok(Bytes::copy_from_slice(item.get().as_bytes()));
        take(Document { place: format!("{place}, event {}", at + 1), body, text: Bytes::new() })
    })
}

const BOM: &[u8] = b"\xef\xbb\xbf";

fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_prefix(BOM).unwrap_or(line).trim_ascii()
}

/// What is wrong with the text, without quoting it.
fn syntax(error: &serde_json::Error) -> String {
    let column = error.column();
    if error.is_eof() {
        format!("it is not JSON: it breaks off at column {column}")
    } else {
        format!("it is not JSON from column {column} on")
    }
}

fn broken(line: usize, error: &io::Error) -> String {
    format!("it can't be read beyond line {line}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every document as `place: body`, or `place! reason`.
    fn told(text: &str) -> Vec<String> {
        let mut told = Vec::new();
        read(text.as_bytes(), &mut |Document { place, body, .. }| {
            told.push(match body {
                Ok(body) => format!("{place}: {}", String::from_utf8_lossy(&body)),
                Err(reason) => format!("{place}! {reason}"),
            });
            true
        })
        .unwrap();
        told
    }

    #[test]
    fn one_event_a_line_survives_its_damaged_neighbours() {
        let text = "{\"id\":\"evt_1\"}\n\n{\"id\":\"evt_2\r\nnonsense\n  {\"id\": \"evt_3\"}  \n{\"id\":\"evt_4\"}";
        assert_eq!(
            told(text),
            [
                "line 1: {\"id\":\"evt_1\"}",
                "line 3! it is not JSON: it breaks off at column 12",
                "line 4! it is not JSON from column 2 on",
                "line 5: {\"id\": \"evt_3\"}",
                "line 6: {\"id\":\"evt_4\"}",
            ]
        );
    }

    #[test]
    fn a_damaged_first_line_is_not_taken_for_a_document() {
        assert_eq!(told("{\"id\":\"evt_1\",\"ob\n{\"id\":\"evt_2\"}\n")[1], "line 2: {\"id\":\"evt_2\"}");
    }

    #[test]
    fn documents_of_several_lines_keep_their_own_bytes() {
        let event = "{\n  \"id\": \"evt_1\",\n  \"name\": \"\\u0000 é\"\n}";
        assert_eq!(told(&format!("{event}\n")), [format!("document ending in line 4: {event}")]);
        assert_eq!(told(&format!("\u{feff}{event}\n{event}"))[1], format!("document ending in line 8: {event}"));
    }

    #[test]
    fn lists_and_arrays_hold_events() {
        for text in [
            "{\"object\":\"list\",\"data\":[{\"id\":\"evt_1\"},{\"id\":\"evt_2\"}],\"has_more\":false}",
            "{\n  \"data\": [\n{\"id\":\"evt_1\"},\n{\"id\":\"evt_2\"}],\n  \"object\": \"list\"\n}",
            "[\n{\"id\":\"evt_1\"},\n{\"id\":\"evt_2\"}\n]",
        ] {
            let told = told(text);
            assert_eq!(told.len(), 2, "{told:?}");
            assert!(told[1].ends_with("event 2: {\"id\":\"evt_2\"}"), "{told:?}");
        }
        // An event holds `data` too, but isn't a list.
        assert_eq!(told("{\"object\":\"event\",\"data\":{\"object\":{}}}").len(), 1);
    }

    #[test]
    fn a_document_that_breaks_off_is_named_by_its_line() {
        assert_eq!(told("{\n\"id\": \"evt_1\",\n"), ["line 3! it is not JSON: it breaks off at column 0"]);
        assert_eq!(told(""), Vec::<String>::new());
    }
}
