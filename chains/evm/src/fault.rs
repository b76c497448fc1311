//! Faults for any [`Evm`], a real chain's as well as a simulated one's, from a seed.
//!
//! ```
//! use std::sync::Arc;
//! use tollway_evm::Evm;
//! use tollway_evm::fault::FaultyEvm;
//! use tollway_testkit::fault::{FaultPlan, Faults};
//! use tollway_testkit::weave::Weave;
//!
//! fn rough(evm: Arc<dyn Evm>) -> Arc<dyn Evm> {
//!     let weave = Weave::new(1);
//!     Arc::new(FaultyEvm::new(evm, &Faults::new(FaultPlan::ROUGH, weave.clock(), 1)))
//! }
//! ```

use crate::custody::Key;
use crate::{At, Evm, EvmCall, GasKey, Held, Landing, LogQuery, Looked, Mined, Sent, Submit};
use alloy::primitives::{Address, B256, Bytes};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tollway_core::{
    Account, Amount, AssetId, ChainId, Code, Error, Funds, Handle, Network, NetworkTraits, Next, Outcome,
    Purpose, RecordKey, Result, Sample, Tariff, Time, TxId, async_trait,
};
use tollway_testkit::fault::{Faults, FaultyNetwork, Remembered, Trouble};

/// A question for logs: who, which topics, since and until when.
type AskedLog = (Address, [Option<B256>; 4], Time, Time);

/// A trial: whose code, in whose name, how many reads, and these with the calls.
type AskedTrial = (Address, Option<Address>, usize, Vec<(Address, Bytes)>);

/// An EVM chain with faults.
///
/// Keeps every promise of [`Evm`]: reads fail as the network's and say "later"; a stale answer was true once; an error of
/// `send` that is not unknown means that nothing was sent under the key; `sent` is never stale. Lying: a look whose
/// answers are all zeros, and the tariffs of [`FaultyNetwork`].
pub struct FaultyEvm {
    inner: Arc<dyn Evm>,
    network: FaultyNetwork<dyn Evm>,
    faults: Arc<Faults>,
    looks: Remembered<(Vec<(Address, Bytes)>, bool), Looked>,
    logs: Remembered<AskedLog, Option<Landing>>,
    many_logs: Remembered<(AskedLog, usize), Vec<Landing>>,
    calls: Remembered<TxId, Option<EvmCall>>,
    allowances: Remembered<(Address, Address, Address), Held>,
    mined: Remembered<TxId, Option<Mined>>,
    funds: Remembered<(Account, Address), Funds>,
    begun: Mutex<BTreeSet<RecordKey>>,
    trials: Remembered<AskedTrial, crate::Tried>,
}

impl fmt::Debug for FaultyEvm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyEvm({})", self.inner.id())
    }
}

impl FaultyEvm {
    /// Wraps `inner`.
    pub fn new(inner: Arc<dyn Evm>, faults: &Arc<Faults>) -> Self {
        Self {
            network: FaultyNetwork::new(inner.clone(), faults),
            inner,
            faults: Arc::clone(faults),
            looks: Remembered::default(),
            logs: Remembered::default(),
            many_logs: Remembered::default(),
            calls: Remembered::default(),
            allowances: Remembered::default(),
            mined: Remembered::default(),
            funds: Remembered::default(),
            begun: Mutex::default(),
            trials: Remembered::default(),
        }
    }

    /// What the registry takes.
    pub fn handle(self: &Arc<Self>) -> Handle {
        Handle::new::<dyn Evm>(self.clone(), self.clone())
    }

    /// A read: it may be made twice, its answer may be lost, or come from before.
    async fn ask<K: Ord, V: Clone, F: Future<Output = Result<V>> + Send>(
        &self,
        known: &Remembered<K, V>,
        key: K,
        call: impl Fn() -> F,
    ) -> Result<V> {
        if self.faults.before().await {
            return Err(lost());
        }
        if let Some(old) = known.recall(&self.faults, &key) {
            return Ok(old);
        }
        if self.faults.twice() {
            let _ = call().await;
        }
        let answer = call().await?;
        known.remember(key, &answer);
        if self.faults.after().await { Err(lost()) } else { Ok(answer) }
    }

    fn has_begun(&self, key: &RecordKey) -> bool {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    /// A failure before sending is definite only when nobody has sent under that key.
    async fn refuse(&self, key: &RecordKey) -> Error {
        let before = match self.has_begun(key) {
            true => None,
            false => self.inner.sent(key).await.ok(),
        };
        // Somebody may have begun while we looked.
        match before {
            Some(Sent::Never) if !self.has_begun(key) => lost().detail("not sent: the node did not answer"),
            Some(Sent::Pending(tx)) => Error::unknown(Code::TimedOut, Some(tx)),
            Some(Sent::Mined(mined)) => Error::unknown(Code::TimedOut, Some(mined.tx)),
            _ => Error::unknown(Code::TimedOut, None),
        }
    }
}

fn lost() -> Error {
    Error::network(Code::Unreachable).detail("the node did not answer")
}

/// The same look, with zeros for every answer.
fn zeroed(looked: Looked) -> Looked {
    let zero = |answer: Result<Bytes, Bytes>| answer.map(|bytes| vec![0; bytes.len()].into());
    Looked { results: looked.results.into_iter().map(zero).collect(), ..looked }
}

#[async_trait]
impl Network for FaultyEvm {
    fn id(&self) -> ChainId {
        self.inner.id()
    }
    fn traits(&self) -> NetworkTraits {
        self.inner.traits()
    }
    async fn tariff(&self, purpose: Purpose, touching: &[Account]) -> Result<Arc<dyn Tariff>> {
        self.network.tariff(purpose, touching).await
    }
    async fn balances(&self, owner: &Account, assets: &[AssetId]) -> Result<Vec<Amount>> {
        self.network.balances(owner, assets).await
    }
    async fn outcome(&self, tx: &TxId) -> Result<Outcome> {
        self.network.outcome(tx).await
    }
}

#[async_trait]
impl Evm for FaultyEvm {
    fn chain_id(&self) -> u64 {
        self.inner.chain_id()
    }
    async fn look(&self, calls: &[EvmCall], at: At) -> Result<Looked> {
        let asked = calls.iter().map(|call| (call.to, call.data.clone())).collect();
        let looked = self.ask(&self.looks, (asked, at == At::Final), || self.inner.look(calls, at)).await?;
        Ok(if self.faults.lies() { zeroed(looked) } else { looked })
    }
    async fn find_log(&self, query: &LogQuery) -> Result<Option<Landing>> {
        let key = (query.address, query.topics, query.since, query.until);
        self.ask(&self.logs, key, || self.inner.find_log(query)).await
    }
    async fn find_logs(&self, query: &LogQuery, most: usize) -> Result<Vec<Landing>> {
        let key = ((query.address, query.topics, query.since, query.until), most);
        self.ask(&self.many_logs, key, || self.inner.find_logs(query, most)).await
    }
    async fn call_of(&self, tx: &TxId) -> Result<Option<EvmCall>> {
        self.ask(&self.calls, tx.clone(), || self.inner.call_of(tx)).await
    }
    async fn mined(&self, tx: &TxId) -> Result<Option<Mined>> {
        self.ask(&self.mined, tx.clone(), || self.inner.mined(tx)).await
    }
    async fn funds(&self, owner: &Account, token: Address) -> Result<Funds> {
        self.ask(&self.funds, (*owner, token), || self.inner.funds(owner, token)).await
    }
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Mined> {
        let trouble = self.faults.trouble();
        if self.faults.before().await || trouble == Some(Trouble::Refused) {
            return Err(self.refuse(key).await);
        }
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        if self.faults.twice() {
            let _ = self.inner.send(submit.clone(), key).await;
        }
        let mined = self.inner.send(submit, key).await;
        if !self.faults.after().await && trouble != Some(Trouble::AnswerLost) {
            return mined;
        }
        let tx = match mined {
            Ok(mined) => Some(mined.tx),
            Err(Error { next: Next::Unknown(tx), .. }) => tx,
            Err(_) => None,
        };
        Err(Error::unknown(Code::TimedOut, tx).detail("the answer was lost"))
    }
    async fn sent(&self, key: &RecordKey) -> Result<Sent> {
        if self.faults.before().await {
            return Err(lost());
        }
        if self.faults.twice() {
            let _ = self.inner.sent(key).await;
        }
        let sent = self.inner.sent(key).await;
        if self.faults.after().await { Err(lost()) } else { sent }
    }
    async fn allowance(&self, owner: Address, token: Address, spender: Address) -> Result<Held> {
        let key = (owner, token, spender);
        self.ask(&self.allowances, key, || self.inner.allowance(owner, token, spender)).await
    }
    async fn sign_call(&self, call: &EvmCall, gas_limit: u64) -> Result<Bytes> {
        self.inner.sign_call(call, gas_limit).await
    }
    async fn next_nonce(&self, account: Address) -> Result<u64> {
        if self.faults.before().await { Err(lost()) } else { self.inner.next_nonce(account).await }
    }
    async fn relay(&self, raw: &Bytes) -> Result<Mined> {
        if self.faults.before().await { Err(lost()) } else { self.inner.relay(raw).await }
    }
    async fn try_out(&self, trial: &crate::Trial) -> Result<crate::Tried> {
        let asked = trial.flat().into_iter().map(|call| (call.to, call.data)).collect();
        let key = (trial.account, trial.caller, trial.reads.len(), asked);
        let tried = self.ask(&self.trials, key, || self.inner.try_out(trial)).await?;
        Ok(if self.faults.lies() { crate::Tried { looked: zeroed(tried.looked), ..tried } } else { tried })
    }
    fn learned_gas(&self, key: &GasKey) -> Option<u64> {
        self.inner.learned_gas(key)
    }
    fn sample(&self, call: &EvmCall, gas_limit: u64) -> Sample {
        self.inner.sample(call, gas_limit)
    }
    fn senders(&self) -> Vec<Address> {
        self.inner.senders()
    }
    fn signer(&self) -> Result<Arc<dyn Key>> {
        self.inner.signer()
    }
}
