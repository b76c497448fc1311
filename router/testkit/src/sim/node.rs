use super::api::{At, EventQuery, Mined, Sent, Sim, SimCall, SimEvent, Submit, Viewed};
use super::block::Inner;
use super::chain::SimChain;
use super::fees::{SimTariff, tip};
use super::key::SimKey;
use super::settings::RpcSettings;
use super::tx;
use crate::weave::{SeededDice, give_way};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tollway_core::{
    Account, Amount, AssetId, ChainId, Code, Error, Funds, Handle, Ledger, Network, NetworkTraits, Outcome,
    Purpose, RecordKey, Result, Sample, Tariff, Time, TxId, async_trait,
};

/// The most events of one answer.
const EVENTS_MAX: usize = 1_000;

/// A process's way to a chain: what it asks may fail, come late or be old, as [`RpcSettings`] say, and what it sends is
/// journaled in its own ledger.
///
/// A sender belongs to one ledger: two processes that send for the same account from two ledgers use the same nonces,
/// and one of two transactions is lost.
pub struct SimNode {
    pub(super) chain: Arc<SimChain>,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) senders: Vec<Account>,
    pub(super) turn: AtomicU64,
    pub(super) patience_ms: u64,
    signer: Option<Arc<SimKey>>,
    rpc: RpcSettings,
    dice: SeededDice,
}

impl fmt::Debug for SimNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimNode({}, {} senders)", self.chain.id(), self.senders.len())
    }
}

/// Makes a [`SimNode`].
#[derive(Debug)]
#[must_use]
pub struct NodeBuilder {
    node: SimNode,
}

impl NodeBuilder {
    pub(super) fn new(chain: Arc<SimChain>, ledger: Arc<dyn Ledger>) -> Self {
        let dice = chain.frame.dice.fork("node");
        let patience_ms = 120_000;
        let (senders, turn, rpc) = (Vec::new(), AtomicU64::new(0), RpcSettings::default());
        Self { node: SimNode { chain, ledger, senders, turn, patience_ms, signer: None, rpc, dice } }
    }
    /// Sends for this key's account too.
    ///
    /// # Errors
    /// None that a valid chain id can cause.
    pub fn sender(mut self, key: &SimKey) -> Result<Self> {
        self.node.senders.push(self.node.chain.know(key)?);
        Ok(self)
    }
    /// Signs with this key.
    ///
    /// # Errors
    /// None that a valid chain id can cause.
    pub fn signer(mut self, key: SimKey) -> Result<Self> {
        self.node.chain.know(&key)?;
        self.node.signer = Some(Arc::new(key));
        Ok(self)
    }
    /// How badly it answers. The default never fails.
    pub fn rpc(mut self, rpc: RpcSettings) -> Self {
        self.node.rpc = rpc;
        self
    }
    /// Tells this node's faults apart from other nodes'.
    pub fn seed(mut self, seed: u64) -> Self {
        self.node.dice = self.node.dice.fork(&seed.to_string());
        self
    }
    /// How long `send` waits for finality before it says that it does not know, in milliseconds. Default 120,000.
    pub fn patience_ms(mut self, ms: u64) -> Self {
        self.node.patience_ms = ms;
        self
    }
    /// The node.
    pub fn build(self) -> Arc<SimNode> {
        Arc::new(self.node)
    }
}

impl SimNode {
    /// For a registry: `site.chain::<dyn Sim>()` finds this node.
    pub fn handle(self: &Arc<Self>) -> Handle {
        let (network, typed): (Arc<dyn Network>, Arc<dyn Sim>) = (self.clone(), self.clone());
        Handle::new(network, typed)
    }
    /// The chain behind it.
    pub fn chain(&self) -> &Arc<SimChain> {
        &self.chain
    }
    pub(super) fn now(&self) -> Time {
        self.chain.clock.now()
    }

    /// One question to the chain, with everything that can happen on the way there and back. `act` gets how many
    /// blocks back it should look.
    pub(super) async fn ask<T: Send>(
        &self,
        act: impl FnOnce(&SimChain, u64) -> Result<T> + Send,
    ) -> Result<T> {
        give_way().await;
        if self.dice.chance(self.rpc.late_per_mille) {
            self.chain.clock.sleep(self.dice.between(1, self.rpc.late_ms)).await;
        }
        if self.dice.chance(self.rpc.before_per_mille) {
            return Err(lost("the node did not answer"));
        }
        let stale = self.dice.chance(self.rpc.stale_per_mille);
        let back = if stale { self.dice.between(0, u64::from(self.rpc.stale_blocks)) } else { 0 };
        let answer = act(&self.chain, back);
        give_way().await;
        if self.dice.chance(self.rpc.after_per_mille) {
            return Err(lost("the node's answer was lost"));
        }
        answer
    }

    fn tariff_at(&self, inner: &Inner, block: u64, purpose: Purpose) -> SimTariff {
        let settings = self.chain.settings();
        let known = inner.blocks.iter().rev().find(|b| b.number <= block);
        let taken_at = inner.time(&self.chain.frame, block);
        let fresh = u64::from(settings.fees.fresh_blocks).saturating_mul(u64::from(settings.block_ms));
        SimTariff {
            coin: self.chain.coin(),
            base: known.map_or(inner.base_fee, |b| b.base_fee),
            tip: tip(&settings.fees, purpose),
            l1_per_byte: settings.fees.l1_per_byte,
            rent_per_byte: settings.fees.rent_per_byte,
            taken_at,
            valid_until: taken_at.plus_ms(fresh.max(1)),
            source: format!("sim@{block}"),
        }
    }
}

fn lost(words: &str) -> Error {
    Error::network(Code::Unreachable).detail(words)
}

#[async_trait]
impl Network for SimNode {
    fn id(&self) -> ChainId {
        self.chain.id()
    }
    fn traits(&self) -> NetworkTraits {
        NetworkTraits { block_ms: self.chain.settings().block_ms, testnet: true }
    }
    async fn tariff(&self, purpose: Purpose, _touching: &[Account]) -> Result<Arc<dyn Tariff>> {
        self.ask(|chain, back| {
            let inner = chain.caught_up();
            let tariff = self.tariff_at(&inner, inner.number.saturating_sub(back), purpose);
            let tariff: Arc<dyn Tariff> = Arc::new(tariff);
            Ok(tariff)
        })
        .await
    }
    async fn balances(&self, owner: &Account, assets: &[AssetId]) -> Result<Vec<Amount>> {
        self.ask(|chain, back| {
            Ok(chain.caught_up().behind(back, |inner, _| {
                assets.iter().map(|asset| Amount::new(*asset, inner.state.balance(asset, owner))).collect()
            }))
        })
        .await
    }
    async fn outcome(&self, tx: &TxId) -> Result<Outcome> {
        self.ask(|chain, back| {
            let inner = chain.caught_up();
            let head = inner.number.saturating_sub(back);
            Ok(match inner.mined.get(tx).filter(|m| m.block <= head) {
                Some(mined) if mined.output.is_err() => Outcome::Failed,
                Some(mined) => {
                    let on_top = head.saturating_sub(mined.block);
                    Outcome::Included {
                        confirmations: u32::try_from(on_top).unwrap_or(u32::MAX),
                        finalized: on_top >= u64::from(chain.settings().finality),
                    }
                }
                None if inner.pool.iter().any(|w| w.tx.id == *tx) => Outcome::Pending,
                None => Outcome::Unseen,
            })
        })
        .await
    }
}

#[async_trait]
impl Sim for SimNode {
    async fn chain_time(&self, at: At) -> Result<(u64, Time)> {
        self.ask(|chain, back| {
            let inner = chain.caught_up();
            let block = inner.number.saturating_sub(back.max(chain.back(at)));
            Ok((block, inner.time(&chain.frame, block)))
        })
        .await
    }
    async fn view(&self, call: &SimCall, at: At) -> Result<Viewed> {
        self.ask(|chain, back| Ok(chain.caught_up().view(&chain.frame, call, back.max(chain.back(at))))).await
    }
    async fn events(&self, query: &EventQuery) -> Result<Vec<SimEvent>> {
        self.ask(|chain, back| {
            let inner = chain.caught_up();
            let head = inner.number.saturating_sub(back);
            let first = inner.events.partition_point(|e| e.time < query.since);
            let found = inner.events.iter().skip(first);
            let found = found.take_while(|e| e.time <= query.until && e.block <= head);
            let found = found.filter(|e| e.program == query.program);
            let found = found.filter(|e| query.topic.as_ref().is_none_or(|topic| e.topic == *topic));
            Ok(found.take(EVENTS_MAX).cloned().collect())
        })
        .await
    }
    async fn mined(&self, tx: &TxId) -> Result<Option<Mined>> {
        self.ask(|chain, back| {
            let inner = chain.caught_up();
            let head = inner.number.saturating_sub(back);
            Ok(inner.mined.get(tx).filter(|m| m.block <= head).cloned())
        })
        .await
    }
    async fn funds(&self, owner: &Account, asset: &AssetId) -> Result<Funds> {
        self.ask(|chain, back| {
            Ok(chain.caught_up().behind(back, |inner, block| Funds {
                owner: *owner,
                balance: Amount::new(*asset, inner.state.balance(asset, owner)),
                as_of: inner.time(&chain.frame, block),
            }))
        })
        .await
    }
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Mined> {
        self.send_once(submit, key).await
    }
    async fn sent(&self, key: &RecordKey) -> Result<Sent> {
        self.what_became_of(key).await
    }
    fn sample(&self, call: &SimCall) -> Sample {
        tx::sample(call)
    }
    fn signed_by(&self, who: &Account, message: &[u8], signature: &[u8]) -> bool {
        self.chain.signed_by(who, message, signature)
    }
    fn senders(&self) -> Vec<Account> {
        self.senders.clone()
    }
    fn signer(&self) -> Result<Arc<SimKey>> {
        self.signer.clone().ok_or_else(|| Error::caller(Code::NoSigner).detail("this node has no key"))
    }
}
