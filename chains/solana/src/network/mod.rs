//! A live Solana chain.

mod builder;
mod upkeep;

pub use builder::Builder;

use crate::address;
use crate::fees::{Market, SolanaTariff};
use crate::finality::Finality;
use crate::oracle::PythOracle;
use crate::profiles::Profile;
use crate::read::{self, Looker};
use crate::rpc::{Ask, Level, Rpc};
use crate::send::{Engine, FeePayers, SharedSigner};
use crate::svm::{At, Blockhash, Find, Landed, Looked, Recorded, Sent, Status, Submit, Svm, Trial, Tried};
use crate::tasks::Tasks;
use crate::token::{Holding, Mint};
use crate::warm::{self, Blockhashes, Holdings, Mints};
use solana_pubkey::Pubkey;
use solana_signature::Signature;
use std::sync::Arc;
use tollway_core::{
    Account, Amount, AssetId, ChainId, Clock, Code, Error, Handle, Ledger, Network, NetworkTraits, Outcome,
    Purpose, RecordKey, Result, Tariff, TxId, async_trait,
};

/// A live Solana chain over one or more nodes.
///
/// Everything that runs in the background ends when this is dropped; what was on its way then is in the journal, and
/// the next process goes on with it.
pub struct SolanaNetwork {
    chain: ChainId,
    profile: Profile,
    finality: Finality,
    rpc: Rpc,
    market: Arc<Market>,
    looker: Arc<Looker>,
    mints: Arc<Mints>,
    holdings: Arc<Holdings>,
    blockhashes: Arc<Blockhashes>,
    fee_payers: Arc<FeePayers>,
    engine: Arc<Engine>,
    tasks: Arc<Tasks>,
    payer: Option<SharedSigner>,
}

impl std::fmt::Debug for SolanaNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SolanaNetwork({} at {})", self.chain, self.rpc.place())
    }
}

impl Drop for SolanaNetwork {
    fn drop(&mut self) {
        self.tasks.end();
    }
}

impl SolanaNetwork {
    /// Starts a network.
    pub fn builder(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Builder {
        Builder::new(ledger, clock)
    }

    /// What the registry takes: the router sees [`Network`], schemes see [`Svm`].
    pub fn handle(self: &Arc<Self>) -> Handle {
        Handle::new::<dyn Svm>(self.clone(), self.clone())
    }

    /// The chain's facts.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Prices by the chain's Pyth accounts, over the same nodes. Its coin and USDC are known from the profile; more
    /// feeds can be added.
    pub fn oracle(&self, clock: Arc<dyn Clock>) -> PythOracle {
        PythOracle::new(self.looker.clone(), self.chain, &self.profile, clock)
    }

    fn level(&self, at: At) -> Level {
        match at {
            At::Latest => Level::Processed,
            At::Final => self.finality.level(),
        }
    }
}

#[async_trait]
impl Network for SolanaNetwork {
    fn id(&self) -> ChainId {
        self.chain
    }
    fn traits(&self) -> NetworkTraits {
        NetworkTraits { block_ms: self.profile.slot_ms, testnet: self.profile.testnet }
    }
    async fn tariff(&self, purpose: Purpose, touching: &[Account]) -> Result<Arc<dyn Tariff>> {
        let view = self.market.fresh(touching).await?;
        Ok(Arc::new(SolanaTariff::new(self.market.clone(), view, purpose, self.chain)))
    }
    async fn balances(&self, owner: &Account, assets: &[AssetId]) -> Result<Vec<Amount>> {
        warm::balances(&self.looker, owner, assets).await
    }
    async fn outcome(&self, tx: &TxId) -> Result<Outcome> {
        let signature = address::signature(tx)?;
        let (now, seen) = read::statuses(&self.rpc, &[signature], true).await?;
        let Some(raw) = seen.into_iter().next().flatten() else { return Ok(Outcome::Unseen) };
        let status = raw.status(self.finality);
        if status.fault.is_some() {
            return Ok(Outcome::Failed);
        }
        let blocks = raw.confirmations.map_or_else(|| now.saturating_sub(raw.slot), u64::from);
        let confirmations = u32::try_from(blocks).unwrap_or(u32::MAX);
        Ok(Outcome::Included { confirmations, finalized: status.done })
    }
}

#[async_trait]
impl Svm for SolanaNetwork {
    async fn look(&self, accounts: &[Pubkey], at: At) -> Result<Looked> {
        self.looker.look(accounts, self.level(at)).await
    }
    async fn attempt(&self, trial: Trial<'_>) -> Result<Tried> {
        self.looker.attempt(trial).await
    }
    async fn blockhash(&self) -> Result<Blockhash> {
        self.blockhashes.recent(&self.tasks).await
    }
    async fn height(&self, at: At) -> Result<u64> {
        self.rpc.call(Ask::height(self.level(at))).await
    }
    async fn statuses(&self, signatures: &[Signature]) -> Result<Vec<Option<Status>>> {
        let (_, seen) = read::statuses(&self.rpc, signatures, true).await?;
        Ok(seen.into_iter().map(|raw| raw.map(|raw| raw.status(self.finality))).collect())
    }
    async fn find(&self, question: &Find<'_>) -> Result<Option<Recorded>> {
        read::find(&self.rpc, question, self.finality).await
    }
    async fn recorded(&self, signature: &Signature) -> Result<Option<Recorded>> {
        read::recorded(&self.rpc, signature, self.finality).await
    }
    async fn holding(&self, owner: &Account, mint: &Pubkey) -> Result<Holding> {
        self.holdings.holding(owner, mint, &self.tasks).await
    }
    async fn mint(&self, mint: &Pubkey) -> Result<Mint> {
        self.mints.mint(mint, &self.tasks).await
    }
    async fn unit_price(&self, purpose: Purpose, written: &[Pubkey]) -> Result<u64> {
        Ok(self.market.view(written, &self.tasks).await?.prices.of_purpose(purpose))
    }
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Landed> {
        self.engine.send(submit, key).await
    }
    async fn sent(&self, key: &RecordKey) -> Result<Sent> {
        self.engine.sent(key).await
    }
    fn fee_payers(&self) -> Vec<Pubkey> {
        self.fee_payers.keys()
    }
    fn next_fee_payer(&self) -> Result<Pubkey> {
        self.fee_payers.next(&self.tasks)
    }
    fn signer(&self) -> Result<SharedSigner> {
        self.payer.clone().ok_or_else(|| {
            Error::caller(Code::NoSigner).detail(format!("no payer's key was given for {}", self.chain))
        })
    }
}
