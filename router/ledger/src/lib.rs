//! The memory of Tollway: a durable [`Ledger`](tollway_core::Ledger) on embedded SQLite, and with the feature `postgres` one
//! in a PostgreSQL database, for a fleet.
//!
//! ```
//! # async fn example() -> tollway_core::Result<()> {
//! use tollway_core::{Claim, Ledger, Time};
//! let ledger = tollway_ledger::SqliteLedger::in_memory()?; // or `open("tollway.sqlite")`
//! let (keys, print) = (["eip3009:0xabc".into()], "request-1".into());
//! let claim = ledger.claim(&keys, &print, Time::from_secs(60), Time::ZERO).await?;
//! assert_eq!(claim, Claim::Fresh);
//! # Ok(())
//! # }
//! ```
//!
//! The trait is [`tollway_core::Ledger`]. The payer's budgets and signatures, the seller's offers and visits, the
//! facilitator's settlements and an EVM sender's transactions are all kept in it, each under names of its own, so one file
//! may serve all of them, and several processes.
//!
//! # How it works
//! One thread owns the connection ([`SqliteLedger`] is its front). Callers put their request into a bounded queue
//! and wait for the answer; the thread takes everything that is waiting, runs it in **one** transaction with a
//! savepoint for each request, commits, and only then answers. So one `fsync` serves all who wait (group commit),
//! one request's refusal spoils no other's work, and what a method returned is on disk.
//!
//! | file | what is there |
//! |---|---|
//! | `sqlite` | [`SqliteLedger`]: open, purge, and the contract's methods |
//! | `writer` | the thread, the queue, group commit |
//! | `schema` | settings of a connection, tables, migrations |
//! | `budgets`, `claims`, `records` | the three kinds of memory, as plain functions over a connection |
//! | `postgres` | the other ledger (feature `postgres`) |
//! | `receipt` | receipts as text |
//! | `wide`, `column` | 192-bit sums, and how numbers and times are stored |
//!
//! # Why rusqlite and not sqlx
//! SQLite has one writer, so a pool buys nothing and an async driver only hides the thread that it needs anyway.
//! rusqlite gives that thread to us: synchronous transactions and savepoints, `IMMEDIATE` where we say so, and
//! grouping of commits across callers, which a pooled driver has no place for. It brings no runtime (waiting works
//! on any executor), a much smaller dependency tree and a shorter build. PostgreSQL is another implementation of the
//! same trait, not another driver under this one: there every method is one call of a function in the database, one
//! transaction and one round trip, and tokio-postgres sends many of them over one connection without waiting in between.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod budgets;
mod claims;
mod column;
mod fail;
#[cfg(feature = "postgres")]
pub mod postgres;
mod receipt;
mod records;
mod schema;
mod sqlite;
mod wide;
mod writer;

#[cfg(feature = "postgres")]
pub use postgres::{LeaseSettings, PostgresCheckup, PostgresLedger, PostgresSettings};
pub use schema::{APPLICATION_ID, SCHEMA_VERSION};
pub use sqlite::{RETENTION_MS, SqliteLedger};
