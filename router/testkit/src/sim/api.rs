//! The typed trait that schemes on simulated chains are written against. Fault wrappers implement it too.

use super::key::SimKey;
use super::program::Revert;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use tollway_core::{
    Account, AssetId, Funds, Network, Purpose, RecordKey, Result, Sample, Time, TxId, async_trait,
};

/// A call to a program, or a plain transfer of coins to an account without one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimCall {
    /// Who calls; `None`: whoever the node sends for, or, where it is only looked at ([`Sim::view`]), nobody.
    pub from: Option<Account>,
    /// What is called.
    pub to: Account,
    /// What the program reads.
    #[serde(with = "as_hex")]
    pub input: Vec<u8>,
    /// Coins that go with it, in the smallest unit.
    pub value_atomic: u128,
}

impl SimCall {
    /// A call without coins.
    pub fn new(to: Account, input: impl Into<Vec<u8>>) -> Self {
        Self { from: None, to, input: input.into(), value_atomic: 0 }
    }
}

/// Shows no input: it may hold an authorization.
impl fmt::Debug for SimCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimCall(to {}, {} bytes)", self.to, self.input.len())
    }
}

/// Which state a look is taken at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum At {
    /// The newest block.
    #[default]
    Latest,
    /// The newest block that no reorg reaches.
    Final,
}

/// What a call would have returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewed {
    /// The block's number.
    pub block: u64,
    /// The block's time: chain time.
    pub time: Time,
    /// What it returned, or why it reverted.
    pub output: Result<Vec<u8>, Revert>,
    /// Gas that it used.
    pub gas_used: u64,
}

/// A transaction to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submit {
    /// What to call; `from` names the sender where a payload binds it.
    pub call: SimCall,
    /// The most gas that it may use.
    pub gas_limit: u64,
    /// How soon.
    pub purpose: Purpose,
    /// Do not send it for the first time after this.
    pub not_after: Time,
}

/// A transaction in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mined {
    /// Its id.
    pub tx: TxId,
    /// Who sent it.
    pub from: Account,
    /// The block's number.
    pub block: u64,
    /// The block's time.
    pub time: Time,
    /// What it called.
    pub call: SimCall,
    /// What it returned, or why it reverted; a reverted one is paid for all the same.
    pub output: Result<Vec<u8>, Revert>,
    /// Gas that it used.
    pub gas_used: u64,
    /// All that it cost its sender, in the coin's smallest unit.
    pub cost_atomic: u128,
    /// What programs said.
    pub events: Vec<SimEvent>,
}

/// Something that a program said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimEvent {
    /// Which program.
    pub program: Account,
    /// What kind.
    pub topic: String,
    /// What (JSON by convention).
    pub data: Vec<u8>,
    /// In which transaction.
    pub tx: TxId,
    /// In which block.
    pub block: u64,
    /// At what chain time.
    pub time: Time,
}

/// A question for events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventQuery {
    /// Which program.
    pub program: Account,
    /// What kind; `None`: any.
    pub topic: Option<String>,
    /// Not older than this, in chain time.
    pub since: Time,
    /// Not newer than this, in chain time; [`Time::FAR`] for no bound.
    pub until: Time,
}

/// What became of what was sent under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Nothing was ever sent under that key, and nothing ever will be by this process.
    Never,
    /// Journaled; not final yet. It was sent again just now if it was in no block.
    Pending(TxId),
    /// In a block that no reorg reaches.
    Mined(Box<Mined>),
}

/// A simulated chain, as schemes see it.
///
/// * `view`, `events`, `mined`, `funds`, `chain_time` are reads: safe to retry and to drop.
/// * `send` writes the transaction to the ledger *before* it goes out, under `key`. Calling it again with the same key
///   never makes a second transaction: it waits for the first. Dropping it stops the waiting, not the transaction. An
///   error whose next step is unknown means it may be mined; any other means it never will be.
/// * Wrong: `send` again with a new key because an answer was lost. Right: `sent(key)`.
#[async_trait]
pub trait Sim: Network {
    /// The newest block's number and time.
    async fn chain_time(&self, at: At) -> Result<(u64, Time)>;
    /// Tries a call on a state of the chain and changes nothing.
    async fn view(&self, call: &SimCall, at: At) -> Result<Viewed>;
    /// Matching events of the newest chain, oldest first, at most 1,000.
    async fn events(&self, query: &EventQuery) -> Result<Vec<SimEvent>>;
    /// A transaction that is in a block, `None` while it is not.
    async fn mined(&self, tx: &TxId) -> Result<Option<Mined>>;
    /// What `owner` holds of `asset`.
    async fn funds(&self, owner: &Account, asset: &AssetId) -> Result<Funds>;
    /// Sends at most once per key, and waits until no reorg can undo it.
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Mined>;
    /// What became of what was sent under `key`; sends the very same transaction again when it is in no block.
    async fn sent(&self, key: &RecordKey) -> Result<Sent>;
    /// The unsigned transaction that `call` would become, for data fees. No I/O.
    fn sample(&self, call: &SimCall) -> Sample;
    /// True when `signature` is `who`'s on `message`. No I/O.
    fn signed_by(&self, who: &Account, message: &[u8], signature: &[u8]) -> bool;
    /// Accounts that send transactions here; empty when this process only reads or signs.
    fn senders(&self) -> Vec<Account>;
    /// The payer's key.
    ///
    /// # Errors
    /// [`tollway_core::Code::NoSigner`] when there is none.
    fn signer(&self) -> Result<Arc<SimKey>>;
}

/// Bytes as hex: a list of numbers would take four times the room in the ledger.
mod as_hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex::encode(bytes))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}
