//! Sums that cannot overflow in this universe.

use crate::fail;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use tollway_core::Result;

/// A sum of `u128`s in 192 bits.
///
/// Each amount fits 128 bits, but the running total of a budget's whole life need not. Stored as 24 bytes,
/// big-endian, so that SQLite orders them as the numbers they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wide {
    high: u64,
    low: u128,
}

impl Wide {
    /// This and `n` more.
    pub(crate) fn plus(self, n: u128) -> Result<Self> {
        let (low, carried) = self.low.overflowing_add(n);
        let high = self.high.checked_add(u64::from(carried)).ok_or_else(broken)?;
        Ok(Self { high, low })
    }
    /// This less `n`. Below zero means that the books are broken.
    pub(crate) fn minus(self, n: u128) -> Result<Self> {
        self.since(Self { high: 0, low: n })
    }
    /// What came on top of an `earlier` total.
    pub(crate) fn since(self, earlier: Self) -> Result<Self> {
        let (low, borrowed) = self.low.overflowing_sub(earlier.low);
        let high = self.high.checked_sub(earlier.high).and_then(|h| h.checked_sub(u64::from(borrowed)));
        Ok(Self { high: high.ok_or_else(broken)?, low })
    }
    /// In 128 bits; more than fits is the most that fits, which no limit allows anything on top of.
    pub(crate) fn narrow(self) -> u128 {
        if self.high > 0 { u128::MAX } else { self.low }
    }
}

fn broken() -> tollway_core::Error {
    fail::broken("a budget's sums do not add up")
}

impl ToSql for Wide {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let mut bytes = self.high.to_be_bytes().to_vec();
        bytes.extend(self.low.to_be_bytes());
        Ok(bytes.into())
    }
}

impl FromSql for Wide {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let (high, low) = value.as_blob()?.split_first_chunk().ok_or(FromSqlError::InvalidType)?;
        let low = low.try_into().map_err(|_| FromSqlError::InvalidType)?;
        Ok(Self { high: u64::from_be_bytes(*high), low: u128::from_be_bytes(low) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carries_and_borrows() {
        let two = Wide::default().plus(u128::MAX).unwrap().plus(u128::MAX).unwrap();
        assert_eq!(two, Wide { high: 1, low: u128::MAX - 1 });
        assert_eq!(two.narrow(), u128::MAX);
        assert_eq!(two.minus(u128::MAX).unwrap().narrow(), u128::MAX);
        let one = Wide::default().plus(7).unwrap();
        assert_eq!(two.since(one).unwrap().plus(7).unwrap(), two);
        assert!(one.minus(8).is_err());
        assert!(one.since(two).is_err());
        assert!(Wide { high: u64::MAX, low: u128::MAX }.plus(1).is_err());
    }

    #[test]
    fn survives_sqlite() {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        for wide in [Wide::default(), Wide { high: 3, low: 5 }, Wide { high: u64::MAX, low: u128::MAX }] {
            assert_eq!(db.query_row("SELECT ?1", [wide], |row| row.get::<_, Wide>(0)).unwrap(), wide);
        }
        assert!(db.query_row("SELECT x'00'", [], |row| row.get::<_, Wide>(0)).is_err());
    }
}
