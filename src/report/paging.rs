//! Lists page by page: one row more than asked for tells whether there is a next page.

/// Rows of a list that are read at once where only some of them are asked for.
pub(super) const SIFTED_AT_ONCE: i64 = 1_000;

/// Whether more may follow rows that were read so.
pub(super) fn full<R>(rows: &[R]) -> bool {
    i64::try_from(rows.len()).is_ok_and(|read| read >= SIFTED_AT_ONCE)
}

/// A page of `rows`, which were read with one more than `limit`, and the key of its last where there are more.
pub(super) fn page<R, K>(mut rows: Vec<R>, limit: i64, key: impl Fn(&R) -> K) -> (Vec<R>, Option<K>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(key) } else { None };
    (rows, next)
}
