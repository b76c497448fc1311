//! The typed trait that schemes on EVM are written against. Fakes and fault wrappers implement it too.

use crate::custody::Key;
use crate::holdings::{allowance_of, atomic_of};
use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tollway_core::{
    Account, Code, Error, Funds, Network, Purpose, RecordKey, Result, Sample, Time, TxId, async_trait,
};

/// A call to a contract: an `eth_call`, or the body of a transaction.
#[derive(Clone, PartialEq, Eq)]
pub struct EvmCall {
    /// The contract.
    pub to: Address,
    /// ABI-encoded call data.
    pub data: Bytes,
}

/// Shows no call data: it may hold an authorization.
impl std::fmt::Debug for EvmCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EvmCall(to {}, {} bytes)", self.to, self.data.len())
    }
}

/// Which state a look is taken at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum At {
    /// The newest block.
    #[default]
    Latest,
    /// A block at this network's configured finality.
    Final,
}

/// One look at the chain: all answers are of the same block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The block's number.
    pub block: u64,
    /// The block's timestamp: chain time.
    pub time: Time,
    /// Per call, in order: what it returned, or what it reverted with.
    pub results: Vec<Result<Bytes, Bytes>>,
}

/// A transaction to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submit {
    /// What to call.
    pub call: EvmCall,
    /// Coins that go with it, in wei.
    pub value_wei: u128,
    /// The most gas it may use (L1 gas where a chain counts it as gas is added by the network).
    pub gas_limit: u64,
    /// How soon.
    pub purpose: Purpose,
    /// Who must send it, where a payload binds the sender.
    pub sender: Option<Address>,
    /// Do not send it for the first time after this.
    pub not_after: Time,
    /// What its gas teaches; `None` teaches nothing.
    pub learn: Option<GasKey>,
}

/// What gas is learned by: the contract and what is done with it (`transferWithAuthorization/new`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GasKey {
    /// The contract (a token).
    pub contract: Address,
    /// What is done, and to what kind of account.
    pub what: &'static str,
}

/// A transaction in a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mined {
    /// Its hash.
    pub tx: TxId,
    /// The block's number.
    pub block: u64,
    /// False when it reverted.
    pub success: bool,
    /// Gas it used, an L1 part included where the chain counts one as gas.
    pub gas_used: u64,
    /// All that it cost, in wei: execution and L1 data, as far as the receipt tells.
    pub cost_wei: u128,
    /// Its logs: address, topics, data.
    pub logs: Vec<Landing>,
}

/// One log of a mined transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landing {
    /// Who emitted it.
    pub address: Address,
    /// Its topics.
    pub topics: Vec<B256>,
    /// Its data.
    pub data: Bytes,
    /// The transaction.
    pub tx: TxId,
    /// The block's number.
    pub block: u64,
}

/// What became of what was sent under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Nothing was ever sent under that key, and nothing ever will be by this process.
    Never,
    /// Signed and journaled; not in a block yet. It was sent again just now.
    Pending(TxId),
    /// In a block at the set finality.
    Mined(Box<Mined>),
}

/// A question for logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// Who emitted it.
    pub address: Address,
    /// Topics by position; `None` matches any.
    pub topics: [Option<B256>; 4],
    /// Not older than this, in chain time.
    pub since: Time,
    /// Not newer than this, in chain time; [`Time::FAR`] for no bound. A search begins here, so what happened long ago is
    /// found without reading everything since.
    pub until: Time,
}

/// A balance, and when it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// In the token's atomic units.
    pub atomic: u128,
    /// When it was read.
    pub as_of: Time,
}

/// An EVM chain, as schemes see it.
///
/// * `look`, `try_out`, `logs`, `mined`, `funds` are reads: safe to retry and to drop.
/// * `send` writes the signed transaction to the ledger *before* it goes out, under `key`. Calling it again with
///   the same key never makes a second transaction: it waits for the first. Dropping it stops the waiting, not the
///   transaction. An error whose next step is unknown means it may be mined; any other means it never will be.
/// * Wrong: `send` again with a new key because an answer was lost. Right: `sent(key)`.
#[async_trait]
pub trait Evm: Network {
    /// EIP-155 chain id.
    fn chain_id(&self) -> u64;
    /// Many calls in one round trip (Multicall3, or a JSON-RPC batch where there is none).
    async fn look(&self, calls: &[EvmCall], at: At) -> Result<Looked>;
    /// The nonce that the next transaction of any account must carry, at the newest block.
    ///
    /// # Errors
    /// [`tollway_core::Code::UnsupportedMethod`] from a fake or a wrapper without it.
    async fn next_nonce(&self, _account: Address) -> Result<u64> {
        Err(Error::us(Code::UnsupportedMethod).detail("nobody here knows the nonces of accounts"))
    }
    /// Newest matching log, if any.
    async fn find_log(&self, query: &LogQuery) -> Result<Option<Landing>>;
    /// Matching logs, newest first, at most `most` of them. A fake or a wrapper without it tells the newest alone.
    async fn find_logs(&self, query: &LogQuery, most: usize) -> Result<Vec<Landing>> {
        Ok(self.find_log(query).await?.into_iter().take(most).collect())
    }
    /// What a transaction calls; `None` when nobody knows it.
    ///
    /// # Errors
    /// [`tollway_core::Code::UnsupportedMethod`] from a fake or a wrapper without it.
    async fn call_of(&self, tx: &TxId) -> Result<Option<EvmCall>> {
        Err(Error::us(Code::UnsupportedMethod).detail(format!("nobody here knows what {tx} called")))
    }
    /// A mined transaction by its hash, `None` while it is not in a block.
    async fn mined(&self, tx: &TxId) -> Result<Option<Mined>>;
    /// What `owner` holds of `token`, from a snapshot kept warm in the background; the first look may do I/O.
    async fn funds(&self, owner: &Account, token: Address) -> Result<Funds>;
    /// What [`Evm::funds`] would answer at `now` without waiting; `None` when it has to be asked. Blocks on nothing; keeps
    /// the snapshot warm as `funds` does. A fake or a wrapper without it is only asked for `funds`.
    fn funds_now(&self, _owner: Address, _token: Address, _now: Time) -> Option<Held> {
        None
    }
    /// How much of `owner`'s tokens `spender` may draw, from a snapshot kept warm like that of [`Evm::funds`]. More than
    /// 128 bits count as the most that 128 bits hold.
    async fn allowance(&self, owner: Address, token: Address, spender: Address) -> Result<Held> {
        let looked = self.look(&[allowance_of(owner, token, spender)], At::Latest).await?;
        let atomic = looked.results.first().and_then(|answer| atomic_of(answer.as_ref().ok()?));
        let atomic = atomic.ok_or_else(|| {
            Error::network(Code::InvalidAnswer).detail(format!("{token} does not tell allowances"))
        })?;
        Ok(Held { atomic, as_of: looked.time })
    }
    /// What [`Evm::allowance`] would answer at `now` without waiting; as [`Evm::funds_now`].
    fn allowance_now(&self, _owner: Address, _token: Address, _spender: Address, _now: Time) -> Option<Held> {
        None
    }
    /// A transaction of the payer's account, signed with the payer's key at the account's nonce and today's fees, and not
    /// sent: somebody else is to send it. Reads the nonce; leaves no trace.
    ///
    /// # Errors
    /// [`tollway_core::Code::NoSigner`]; [`tollway_core::Code::UnsupportedMethod`] from a fake or a wrapper without it.
    async fn sign_call(&self, _call: &EvmCall, _gas_limit: u64) -> Result<Bytes> {
        Err(Error::us(Code::UnsupportedMethod).detail("nothing is signed here for others to send"))
    }
    /// Brings somebody else's signed transaction to the chain and waits until it is in a block. It may be brought any number
    /// of times: its own nonce lets it happen once.
    ///
    /// # Errors
    /// When it is not in a block in good time; [`tollway_core::Code::UnsupportedMethod`] from a fake or a wrapper without it.
    async fn relay(&self, _raw: &Bytes) -> Result<Mined> {
        Err(Error::us(Code::UnsupportedMethod).detail("nobody else's transactions are sent from here"))
    }
    /// Sends at most once per key, and waits for the set finality.
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Mined>;
    /// What became of what was sent under `key`; sends the very same bytes again when they are not in a block.
    async fn sent(&self, key: &RecordKey) -> Result<Sent>;
    /// Tries out a transaction on the newest state, without sending it: one round trip, bounded in gas, measured. Safe to
    /// retry and to drop. Who wraps a chain asks the chain itself: a look in its place ([`crate::Trial::by_look`]) knows no
    /// code, and is for fakes without any.
    async fn try_out(&self, trial: &crate::Trial) -> Result<crate::Tried>;
    /// Gas that this kind of call used lately; `None` until something was learned.
    fn learned_gas(&self, key: &GasKey) -> Option<u64>;
    /// The unsigned transaction that `call` would become, for data fees.
    fn sample(&self, call: &EvmCall, gas_limit: u64) -> Sample;
    /// Addresses that send transactions here; empty when this process only reads or signs.
    fn senders(&self) -> Vec<Address>;
    /// The payer's key, which signs what it is shown and no bare hash: the same as long as the chain lives.
    ///
    /// # Errors
    /// [`tollway_core::Code::NoSigner`] when there is none.
    fn signer(&self) -> Result<Arc<dyn Key>>;
}
