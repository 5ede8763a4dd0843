//! Cursors: opaque to clients, stable keys within, so that paging goes on where it was while the ledger grows.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

use super::problem::ApiProblem;

/// Writes the keys a page ended at; `list` names the list, so that no other reads it.
pub(super) fn write(list: &str, keys: impl Serialize) -> String {
    // Keys are strings and numbers: they always serialise.
    let text = serde_json::to_vec(&(list, keys)).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(text)
}

/// Reads them again.
pub(super) fn read<K: DeserializeOwned>(list: &str, cursor: Option<&str>) -> Result<Option<K>, ApiProblem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let refused = || ApiProblem::parameter("cursor", "it is not a next_cursor of this list");
    let text = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
    let (of, keys): (String, K) = serde_json::from_slice(&text).map_err(|_| refused())?;
    if of == list { Ok(Some(keys)) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_by_its_own_list_only() {
        let cursor = write("movements", ("2026-01-14", 5, "mov_1"));
        let read_back: Option<(String, i64, String)> = read("movements", Some(&cursor)).unwrap();
        assert_eq!(read_back, Some(("2026-01-14".into(), 5, "mov_1".into())));
        assert!(read::<(String, i64, String)>("customers", Some(&cursor)).is_err());
        assert!(read::<(String, i64, String)>("movements", Some("nonsense!")).is_err());
        assert_eq!(read::<(String, i64, String)>("movements", None).unwrap(), None);
    }
}
