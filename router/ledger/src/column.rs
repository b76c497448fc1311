//! How Rust's unsigned numbers live in SQLite's signed 64 bits.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use tollway_core::Time;

/// A moment in milliseconds. What lies past 2^63 ms (292 million years) is kept as 2^63 - 1: still "never".
pub(crate) fn ms(time: Time) -> i64 {
    i64::try_from(time.ms()).unwrap_or(i64::MAX)
}

/// A record's version; none ever grows past 2^63, so a larger one equals no row's.
pub(crate) fn version(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

/// A count or position; more than SQLite can count is all there is.
pub(crate) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// An amount, as 16 bytes, big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Atomic(pub(crate) u128);

impl ToSql for Atomic {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.to_be_bytes().to_vec().into())
    }
}

impl FromSql for Atomic {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
        Ok(Self(u128::from_be_bytes(bytes)))
    }
}
