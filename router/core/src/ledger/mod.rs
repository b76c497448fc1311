//! Durable memory in nine methods: budgets, replay claims, and versioned records; and two that pair them.

mod leases;
mod memory;
mod scoped;

pub use leases::{Alone, Leases, Tenure};
pub use memory::{MemoryLedger, check_line, moved, no_hold};
pub use scoped::Scoped;

use crate::{Receipt, Result, Time};
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<&str> for $name {
            fn from(s: &str) -> Self {
                Self(s.to_owned())
            }
        }
        impl From<String> for $name {
            fn from(s: String) -> Self {
                Self(s)
            }
        }
    };
}
id!(
    /// Names a hold; chosen by the caller, so that a restart can find it (an attempt's id).
    HoldId
);
id!(
    /// Names a budget: `wallet:eip155:8453/0x…`, `day:usd`, `host:api.example`.
    BudgetId
);
id!(
    /// Names a record; `/` separates the rooms: `attempt/…`, `visit/…`, `evm/eip155:8453/…`.
    RecordKey
);
id!(
    /// What may be used once: an authorization's nonce, a transaction's message.
    ReplayKey
);
id!(
    /// Fingerprint of a request and the whole payload with it. The same print is the same payment again;
    /// another print under the same key is a replay.
    Print
);

/// One budget that a reservation must fit into. Each line counts in a unit of its own (USD, atomic units).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetLine {
    /// Which budget.
    pub budget: BudgetId,
    /// What this reservation takes of it.
    pub amount: u128,
    /// The most that open holds and spendings since `since` may add up to, this one included.
    pub limit: u128,
    /// Spendings closed before this are forgotten; open holds always count.
    pub since: Time,
}

/// How a hold ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spend {
    /// Nothing was spent.
    Nothing,
    /// All that was held.
    All,
    /// So much of so much; each line is charged its share, rounded up.
    Part {
        /// What was spent.
        taken: u128,
        /// Of how much.
        of: u128,
    },
}

/// What the ledger knows of replay keys.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// Nobody had them; now they are ours.
    Fresh,
    /// The same print has them; with the receipt, when it was concluded.
    Same(Option<Box<Receipt>>),
    /// Another print has one of them.
    Replay,
}

/// A versioned record. `value` is text (JSON by convention).
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub key: RecordKey,
    /// Grows by one with each write, from 1.
    pub version: u64,
    /// Its value. May hold an authorization, so `Debug` does not show it.
    pub value: String,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({} v{}, {} bytes)", self.key, self.version, self.value.len())
    }
}

/// One change of a [`Ledger::store`].
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    /// Which record.
    pub key: RecordKey,
    /// The version it must have now; `None`: it must not exist.
    pub expect: Option<u64>,
    /// The new value; `None` deletes it.
    pub value: Option<String>,
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Write({} expecting {:?})", self.key, self.expect)
    }
}

/// Durable memory.
///
/// * Every method is atomic: it happens whole or not at all, also across a crash, and what it returned is on disk. The two
///   that pair others may stop in between.
/// * Every method may be retried after an error. `reserve` with a known id and `close` of a closed hold succeed
///   without effect; `claim` by the same print answers [`Claim::Same`].
/// * Dropping a future leaves the change either done or not done.
/// * Wrong: `load`, decide, `store` without `expect`. Right: `store` with the version that was loaded; a version
///   that has moved is [`crate::Code::Conflict`], and the caller decides anew.
#[crate::async_trait]
pub trait Ledger: Send + Sync {
    /// Holds every line, or none: [`crate::Code::BudgetExceeded`] names the line that would go over.
    async fn reserve(&self, hold: &HoldId, lines: &[BudgetLine], until: Time, now: Time) -> Result<()>;
    /// What open holds and spendings since `since` add up to under each line's budget, the line itself not counted.
    async fn used(&self, lines: &[BudgetLine]) -> Result<Vec<u128>>;
    /// Ends a hold. An unknown hold is [`crate::Code::NotFound`].
    async fn close(&self, hold: &HoldId, spend: Spend, now: Time) -> Result<()>;
    /// Looks at replay keys and claims nothing; `None` when nobody has them.
    async fn seen(&self, keys: &[ReplayKey], print: &Print) -> Result<Option<Claim>>;
    /// Claims all keys for `print`, or none. Kept at least until `until`.
    async fn claim(&self, keys: &[ReplayKey], print: &Print, until: Time, now: Time) -> Result<Claim>;
    /// Ends the claim of `print`; keys that another print holds are left alone. With a receipt: remembers it. Without:
    /// nothing was sent, the keys are free again, unless a receipt is remembered already.
    async fn conclude(&self, keys: &[ReplayKey], print: &Print, receipt: Option<&Receipt>) -> Result<()>;
    /// Reads one record.
    async fn load(&self, key: &RecordKey) -> Result<Option<Record>>;
    /// All writes or none.
    async fn store(&self, writes: &[Write]) -> Result<()>;
    /// Records whose key starts with `prefix`, in key order, after `after`, at most `limit`.
    async fn scan(&self, prefix: &str, after: Option<&RecordKey>, limit: usize) -> Result<Vec<Record>>;

    /// [`store`](Self::store), then [`claim`](Self::claim), whose answer is the inner one: whoever is cut off has the
    /// writes without the claim, never the claim without the writes. The writes stay whatever the claim says. The outer
    /// error is the writes': after [`crate::Code::Conflict`] nothing happened, after another perhaps all of it.
    ///
    /// A ledger that can do both in one commit does.
    async fn store_then_claim(
        &self,
        writes: &[Write],
        keys: &[ReplayKey],
        print: &Print,
        until: Time,
        now: Time,
    ) -> Result<Result<Claim>> {
        self.store(writes).await?;
        Ok(self.claim(keys, print, until, now).await)
    }

    /// [`conclude`](Self::conclude), then [`store`](Self::store): whoever is cut off has concluded and not written. A
    /// write that finds its record moved is [`crate::Code::Conflict`] and writes nothing; the claim is concluded all the
    /// same.
    ///
    /// A ledger that can do both in one commit does.
    async fn conclude_then_store(
        &self,
        keys: &[ReplayKey],
        print: &Print,
        receipt: Option<&Receipt>,
        writes: &[Write],
    ) -> Result<()> {
        self.conclude(keys, print, receipt).await?;
        self.store(writes).await
    }
}
