//! Rows of any table as both databases have them, and a sum over them that tells whether two tables hold the same ones.

use sha2::{Digest, Sha256};

/// Tables that no copy takes along: who holds a lease or a session is not where the copy is.
pub(in crate::store) const LEFT_BEHIND: [&str; 2] = ["lease", "access_session"];

/// How many rows travel in one statement.
pub(in crate::store) const BATCH: usize = 512;

/// A value as both databases have it; truth is 0 or 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) enum Value {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A table, with its columns in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Table {
    pub(in crate::store) name: String,
    pub(in crate::store) columns: Vec<String>,
}

impl Table {
    /// Its columns as SQL writes them: `by` and the like are words of SQL's too.
    pub(in crate::store) fn quoted(&self) -> String {
        self.columns.iter().map(|column| format!("\"{column}\"")).collect::<Vec<_>>().join(", ")
    }
}

/// How many rows, and a sum of digests of each: the same for the same rows in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Sum {
    pub(in crate::store) rows: u64,
    digest: [u8; 32],
}

impl Sum {
    pub(in crate::store) fn add(&mut self, row: &[Value]) {
        let mut hash = Sha256::new();
        for value in row {
            let (kind, bytes) = match value {
                Value::Null => (0_u8, Vec::new()),
                Value::Number(number) => (1, number.to_be_bytes().to_vec()),
                Value::Text(text) => (2, text.as_bytes().to_vec()),
                Value::Bytes(bytes) => (3, bytes.clone()),
            };
            hash.update([kind]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
        self.rows += 1;
        let mut carry = 0_u16;
        for (sum, byte) in self.digest.iter_mut().zip(hash.finalize()) {
            let both = u16::from(*sum) + u16::from(byte) + carry;
            let [high, low] = both.to_be_bytes();
            (*sum, carry) = (low, u16::from(high));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&[Value]]) -> Sum {
        rows.iter().fold(Sum::default(), |mut sum, row| {
            sum.add(row);
            sum
        })
    }

    #[test]
    fn the_same_rows_sum_up_alike_in_any_order_and_others_dont() {
        let (one, two) = ([Value::Number(1), Value::Text("a".into())], [Value::Number(2), Value::Null]);
        assert_eq!(of(&[&one, &two]), of(&[&two, &one]));
        assert_ne!(of(&[&one, &two]), of(&[&one, &one]));
        assert_ne!(of(&[&one]), of(&[&one, &one]));
        assert_ne!(
            of(&[&[Value::Text("ab".into()), Value::Null]]),
            of(&[&[Value::Text("a".into()), Value::Text("b".into())]])
        );
        assert_ne!(of(&[&[Value::Text("a".into())]]), of(&[&[Value::Bytes(b"a".to_vec())]]));
    }
}
