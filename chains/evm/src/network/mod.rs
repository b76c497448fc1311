//! A live EVM chain.

mod builder;
mod offline;
mod upkeep;

pub use builder::Builder;

use crate::address::{tx_hash, tx_id};
use crate::custody::Key;
use crate::fees::Market;
use crate::finality::Finality;
use crate::gas::GasBook;
use crate::holdings::{self, Holdings};
use crate::look::{Header, Looker};
use crate::profiles::Profile;
use crate::receipt::{RawReceipt, RawTransaction};
use crate::rpc::Rpc;
use crate::send::{Engine, Offer, SignerState, unsigned_sample};
use crate::tasks::Tasks;
use crate::{
    At, ChainlinkOracle, Evm, EvmCall, GasKey, Held, Landing, LogQuery, Looked, Mined, Sent, Submit, logs,
};
use alloy::primitives::{Address, B256, Bytes, U64};
use std::sync::Arc;
use tollway_core::{
    Account, Amount, AssetId, ChainId, Clock, Code, Error, Funds, Handle, Ledger, Network, NetworkTraits,
    Outcome, Purpose, RecordKey, Result, Sample, Tariff, Time, TxId, async_trait,
};

/// A live EVM chain over one node, or several.
///
/// Everything that runs in the background ends when this is dropped; what was on its way then is in the journal, and
/// the next process goes on with it.
pub struct EvmNetwork {
    chain: ChainId,
    profile: Profile,
    finality: Finality,
    rpc: Rpc,
    market: Arc<Market>,
    looker: Arc<Looker>,
    /// Looks at price feeds, with less patience.
    prices: Arc<Looker>,
    holdings: Arc<Holdings>,
    gas: Arc<GasBook>,
    engine: Arc<Engine>,
    tasks: Arc<Tasks>,
    payer: Option<Arc<dyn Key>>,
}

impl std::fmt::Debug for EvmNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EvmNetwork({} at {})", self.chain, self.rpc.place())
    }
}

impl Drop for EvmNetwork {
    fn drop(&mut self) {
        self.tasks.end();
    }
}

impl EvmNetwork {
    /// Starts a network.
    pub fn builder(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Builder {
        Builder::new(ledger, clock)
    }

    /// What the registry takes: the router sees [`Network`], schemes see [`Evm`].
    pub fn handle(self: &Arc<Self>) -> Handle {
        Handle::new::<dyn Evm>(self.clone(), self.clone())
    }

    /// The chain's facts.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Each signer that sends transactions here: what it has, what is on its way, and whether it is in the rotation.
    pub fn signers(&self) -> Vec<SignerState> {
        self.engine.signers()
    }

    /// Prices by the chain's Chainlink feeds, over the same node. Its coin and USDC are known from the profile; more
    /// feeds can be added.
    pub fn oracle(&self, clock: Arc<dyn Clock>) -> ChainlinkOracle {
        ChainlinkOracle::new(self.prices.clone(), self.chain, &self.profile, clock)
    }
}

#[async_trait]
impl Network for EvmNetwork {
    fn id(&self) -> ChainId {
        self.chain
    }
    fn traits(&self) -> NetworkTraits {
        NetworkTraits { block_ms: self.profile.block_ms, testnet: self.profile.testnet }
    }
    async fn tariff(&self, purpose: Purpose, _touching: &[Account]) -> Result<Arc<dyn Tariff>> {
        // EVM chains have one fee market for all accounts.
        Ok(Arc::new(self.market.tariff(purpose).await?))
    }
    async fn balances(&self, owner: &Account, assets: &[AssetId]) -> Result<Vec<Amount>> {
        holdings::balances(&self.looker, self.profile.multicall, owner, assets).await
    }
    async fn outcome(&self, tx: &TxId) -> Result<Outcome> {
        let hash = tx_hash(tx)?;
        let mut seen = self.outcome_of(&hash).await?;
        if seen == Outcome::Unseen {
            // More may have been offered for it: then another hash is the one that is mined.
            for other in self.engine.other_hashes(&hash).await? {
                seen = self.outcome_of(&other).await?;
                if seen != Outcome::Unseen {
                    break;
                }
            }
        }
        Ok(seen)
    }
}

impl EvmNetwork {
    async fn outcome_of(&self, hash: &B256) -> Result<Outcome> {
        let mut batch = self.rpc.batch();
        let receipt = batch.add::<_, Option<RawReceipt>>("eth_getTransactionReceipt", &(hash,))?;
        let known = batch.add::<_, Option<serde_json::Value>>("eth_getTransactionByHash", &(hash,))?;
        let head = batch.add::<_, U64>("eth_blockNumber", &())?;
        let tag = self.finality.question().unwrap_or("latest");
        let done = batch.add::<_, Option<Header>>("eth_getBlockByNumber", &(tag, false))?;
        batch.send().await?;
        let receipt = receipt.get().await?;
        let Some((block, receipt)) = receipt.and_then(|r| Some((r.block()?, r))) else {
            let pending = known.get().await?.is_some();
            return Ok(if pending { Outcome::Pending } else { Outcome::Unseen });
        };
        if !receipt.mined(None)?.success {
            return Ok(Outcome::Failed);
        }
        let head: u64 = head.get().await?.to();
        let done = done.get().await?.map(|h| h.number());
        Ok(Outcome::Included {
            confirmations: u32::try_from(head.saturating_sub(block)).unwrap_or(u32::MAX),
            finalized: self.finality.reached(block, done),
        })
    }

    async fn mined_as(&self, hash: &B256) -> Result<Option<Mined>> {
        let receipt: Option<RawReceipt> = self.rpc.call("eth_getTransactionReceipt", (hash,)).await?;
        match receipt {
            Some(receipt) if receipt.transaction_hash != *hash => Err(Error::network(Code::InvalidAnswer)
                .detail(format!("a receipt of {} for {hash}", tx_id(&receipt.transaction_hash)))),
            Some(receipt) if receipt.block().is_some() => {
                Ok(Some(receipt.mined(self.market.newest().as_deref())?))
            }
            _ => Ok(None),
        }
    }
}

#[async_trait]
impl Evm for EvmNetwork {
    fn chain_id(&self) -> u64 {
        self.profile.chain_id
    }
    async fn look(&self, calls: &[EvmCall], at: At) -> Result<Looked> {
        self.looker.look(calls, at).await
    }
    async fn next_nonce(&self, account: Address) -> Result<u64> {
        let nonce: U64 = self.rpc.call("eth_getTransactionCount", (account, "latest")).await?;
        Ok(nonce.to())
    }
    async fn find_log(&self, query: &LogQuery) -> Result<Option<Landing>> {
        logs::find(&self.rpc, query).await
    }
    async fn find_logs(&self, query: &LogQuery, most: usize) -> Result<Vec<Landing>> {
        logs::find_all(&self.rpc, query, most).await
    }
    async fn call_of(&self, tx: &TxId) -> Result<Option<EvmCall>> {
        let known: Option<RawTransaction> =
            self.rpc.call("eth_getTransactionByHash", (tx_hash(tx)?,)).await?;
        Ok(known.and_then(|tx| Some(EvmCall { to: tx.to?, data: tx.input })))
    }
    async fn mined(&self, tx: &TxId) -> Result<Option<Mined>> {
        let hash = tx_hash(tx)?;
        if let Some(mined) = self.mined_as(&hash).await? {
            return Ok(Some(mined));
        }
        for other in self.engine.other_hashes(&hash).await? {
            if let Some(mined) = self.mined_as(&other).await? {
                return Ok(Some(mined));
            }
        }
        Ok(None)
    }
    async fn funds(&self, owner: &Account, token: Address) -> Result<Funds> {
        self.holdings.funds(owner, token, &self.tasks).await
    }
    fn funds_now(&self, owner: Address, token: Address, now: Time) -> Option<Held> {
        self.holdings.now(holdings::Key::balance(owner, token), now, &self.tasks)
    }
    async fn allowance(&self, owner: Address, token: Address, spender: Address) -> Result<Held> {
        self.holdings.allowance(holdings::Key::allowance(owner, token, spender), &self.tasks).await
    }
    fn allowance_now(&self, owner: Address, token: Address, spender: Address, now: Time) -> Option<Held> {
        self.holdings.now(holdings::Key::allowance(owner, token, spender), now, &self.tasks)
    }
    async fn sign_call(&self, call: &EvmCall, gas_limit: u64) -> Result<Bytes> {
        offline::sign_call(self, call, gas_limit).await
    }
    async fn relay(&self, raw: &Bytes) -> Result<Mined> {
        offline::relay(self, raw).await
    }
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Mined> {
        self.engine.send(submit, key).await
    }
    async fn sent(&self, key: &RecordKey) -> Result<Sent> {
        self.engine.sent(key).await
    }
    async fn try_out(&self, trial: &crate::Trial) -> Result<crate::Tried> {
        crate::trial::run(&self.rpc, trial).await
    }
    fn learned_gas(&self, key: &GasKey) -> Option<u64> {
        self.gas.learned(key)
    }
    fn sample(&self, call: &EvmCall, gas_limit: u64) -> Sample {
        let offer = self.market.newest().map(|fees| Offer {
            max_fee_wei: fees.max_fee_wei(Purpose::Interactive),
            tip_wei: fees.tips_wei.of(Purpose::Interactive),
        });
        unsigned_sample(self.profile.chain_id, call, gas_limit, offer)
    }
    fn senders(&self) -> Vec<Address> {
        self.engine.senders()
    }
    fn signer(&self) -> Result<Arc<dyn Key>> {
        self.payer.clone().ok_or_else(|| {
            Error::caller(Code::NoSigner).detail(format!("no payer's key was given for {}", self.chain))
        })
    }
}
