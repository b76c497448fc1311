//! [`Evm`] over the testkit's simulated chain: deterministic, in memory, on a virtual clock.
//!
//! Whatever a scheme proves here runs in every order of await points and with every fault of the simulated node, in
//! microseconds. What only a real node can show (encodings, its errors, its fees) is proven on a real one.
//!
//! ```
//! use std::sync::Arc;
//! use tollway_core::ledger::MemoryLedger;
//! use tollway_evm::sim::{SimEvm, SimToken};
//! use tollway_evm::{Evm, LocalKey};
//! use tollway_testkit::sim::{SimChain, SimKey, SimSettings};
//! use tollway_testkit::weave::Weave;
//!
//! let weave = Weave::new(1);
//! let chain = SimChain::new(SimSettings::calm("eip155:8453")?, weave.clock(), &weave.dice())?;
//! let token = SimToken::known(chain.id(), "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913")?;
//! SimEvm::deploy(&chain, [token])?;
//! let node = chain.node(Arc::new(MemoryLedger::new())).sender(&SimKey::named("settler"))?.build();
//! let payer = Arc::new(LocalKey::from_bytes(&[7; 32])?);
//! let evm = SimEvm::new(node)?.payer(payer);
//! assert_eq!(evm.chain_id(), 8453);
//! # Ok::<(), tollway_core::Error>(())
//! ```

mod abi;
mod allowance;
mod event;
mod multicall;
mod permit2;
mod token;

pub use token::SimToken;

use crate::custody::Key;
use crate::gas::GasBook;
use crate::permit2::{PERMIT2, Proxy};
use crate::send::unsigned_sample;
use crate::{At, Bounded, Evm, EvmCall, GasKey, Landing, LogQuery, Looked, Mined, Sent, Submit, address};
use crate::{Trial, Tried, TriedCall};
use alloy::primitives::{Address, Bytes, keccak256};
use alloy::sol_types::{Revert, SolError};
use multicall::{Answers, Calls, Multicall};
use permit2::{SimPermit2, SimProxy};
use std::sync::Arc;
use tollway_core::{
    Account, Amount, AssetId, ChainId, Code, Error, Funds, Handle, Network, NetworkTraits, Outcome, Purpose,
    RecordKey, Result, Sample, Tariff, TxId, async_trait,
};
use tollway_testkit::sim::{self, EventQuery, Sim, SimCall, SimChain};

/// Where the simulated Multicall lives.
const MULTICALL: &str = "multicall";

/// A simulated EVM chain as one process sees it.
pub struct SimEvm {
    chain: ChainId,
    chain_id: u64,
    node: Arc<dyn Sim>,
    multicall: Account,
    gas: GasBook,
    payer: Option<Arc<dyn Key>>,
}

impl std::fmt::Debug for SimEvm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SimEvm({})", self.chain)
    }
}

impl SimEvm {
    /// Puts tokens on a chain, Permit2 with x402's proxies for it, and what many calls in one look take.
    ///
    /// # Errors
    /// Never for tokens of this chain.
    pub fn deploy(chain: &SimChain, tokens: impl IntoIterator<Item = SimToken>) -> Result<()> {
        let (id, chain_id) = (chain.id(), address::eip155(&chain.id())?);
        let mut deployed = vec![address::account(id, &PERMIT2)?];
        chain.deploy_at(address::account(id, &PERMIT2)?, Arc::new(SimPermit2 { chain: id, chain_id }));
        for which in [Proxy::Exact, Proxy::Upto] {
            let place = address::account(id, &which.address())?;
            deployed.push(place);
            chain.deploy_at(place, Arc::new(SimProxy { chain: id, which }));
        }
        for token in tokens {
            let place = address::account(chain.id(), &token.address())?;
            deployed.push(place);
            chain.deploy_at(place, Arc::new(token));
        }
        chain.deploy(MULTICALL, Arc::new(Multicall { deployed }))?;
        Ok(())
    }

    /// The chain behind a node of it; the node may be behind any wrapper.
    ///
    /// # Errors
    /// [`Code::InvalidNetwork`] for a chain that is not of `eip155`.
    pub fn new(node: Arc<dyn Sim>) -> Result<Self> {
        let chain = node.id();
        let chain_id = address::eip155(&chain)?;
        let multicall = sim::account(chain, MULTICALL)?;
        Ok(Self { chain, chain_id, node, multicall, gas: GasBook::default(), payer: None })
    }

    /// With the payer's key.
    #[must_use]
    pub fn payer(mut self, key: Arc<dyn Key>) -> Self {
        self.payer = Some(key);
        self
    }

    /// What the registry takes.
    pub fn handle(self: &Arc<Self>) -> Handle {
        Handle::new::<dyn Evm>(self.clone(), self.clone())
    }

    fn call(&self, call: &EvmCall) -> Result<SimCall> {
        Ok(SimCall::new(address::account(self.chain, &call.to)?, call.data.to_vec()))
    }

    fn mined_from(&self, mined: sim::Mined) -> Result<Mined> {
        Ok(Mined {
            tx: mined.tx,
            block: mined.block,
            success: mined.output.is_ok(),
            gas_used: mined.gas_used,
            cost_wei: mined.cost_atomic,
            logs: mined.events.into_iter().map(event::landing).collect::<Result<_>>()?,
        })
    }
}

fn at(at: At) -> sim::At {
    match at {
        At::Latest => sim::At::Latest,
        At::Final => sim::At::Final,
    }
}

/// What a contract says when it reverts: nothing, an error of its own (`InvalidNonce()`, with zeros for what is in the
/// brackets), or `Error(string)`.
fn revert(words: String) -> Bytes {
    let own = words.strip_suffix(')').and_then(|rest| rest.split_once('('));
    match own.filter(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric())) {
        Some((_, fields)) => {
            let fields = fields.split(',').filter(|field| !field.is_empty()).count();
            let selector = keccak256(&words).0.into_iter().take(4);
            selector.chain(std::iter::repeat_n(0, fields.saturating_mul(32))).collect::<Vec<_>>().into()
        }
        None if words.is_empty() => Bytes::new(),
        None => Revert::from(words).abi_encode().into(),
    }
}

#[async_trait]
impl Network for SimEvm {
    fn id(&self) -> ChainId {
        self.chain
    }
    fn traits(&self) -> NetworkTraits {
        self.node.traits()
    }
    async fn tariff(&self, purpose: Purpose, touching: &[Account]) -> Result<Arc<dyn Tariff>> {
        self.node.tariff(purpose, touching).await
    }
    async fn balances(&self, owner: &Account, assets: &[AssetId]) -> Result<Vec<Amount>> {
        self.node.balances(owner, assets).await
    }
    async fn outcome(&self, tx: &TxId) -> Result<Outcome> {
        self.node.outcome(tx).await
    }
}

#[async_trait]
impl Evm for SimEvm {
    fn chain_id(&self) -> u64 {
        self.chain_id
    }

    async fn look(&self, calls: &[EvmCall], moment: At) -> Result<Looked> {
        let list = calls.iter().map(|call| Ok((address::account(self.chain, &call.to)?, call.data.to_vec())));
        let question = Calls(list.collect::<Result<_>>()?);
        let bad = || Error::us(Code::Internal).detail("the simulated multicall");
        let input = serde_json::to_vec(&question).map_err(|_| bad())?;
        let viewed = self.node.view(&SimCall::new(self.multicall, input), at(moment)).await?;
        let output = viewed.output.map_err(|revert| bad().detail(revert.to_string()))?;
        let Answers(answers) = serde_json::from_slice(&output).map_err(|_| bad())?;
        let results = answers.into_iter().map(|answer| match answer {
            None => Ok(Bytes::new()),
            Some(Ok(output)) => Ok(output.into()),
            Some(Err(words)) => Err(revert(words)),
        });
        Ok(Looked { block: viewed.block, time: viewed.time, results: results.collect() })
    }

    /// Nobody has code here.
    async fn try_out(&self, trial: &Trial) -> Result<Tried> {
        let Some(caller) = trial.caller else { return trial.by_look(self).await };
        let reads = Trial { caller: None, calls: Vec::new(), ..trial.clone() };
        let mut tried = reads.by_look(self).await?;
        let from = Some(address::account(self.chain, &caller)?);
        for Bounded { call, .. } in &trial.calls {
            let viewed = self.node.view(&SimCall { from, ..self.call(call)? }, sim::At::Latest).await?;
            let result = viewed.output.map(Bytes::from).map_err(|sim::Revert(words)| revert(words));
            tried.calls.push(TriedCall { result, gas: None });
        }
        Ok(tried)
    }

    async fn find_log(&self, query: &LogQuery) -> Result<Option<Landing>> {
        Ok(self.find_logs(query, 1).await?.pop())
    }

    async fn find_logs(&self, query: &LogQuery, most: usize) -> Result<Vec<Landing>> {
        let asked = EventQuery {
            program: address::account(self.chain, &query.address)?,
            topic: event::exact(query),
            since: query.since,
            until: query.until,
        };
        let found = self.node.events(&asked).await?;
        let logs = found.into_iter().rev().map(event::landing).collect::<Result<Vec<_>>>()?;
        Ok(logs.into_iter().filter(|log| event::fits(log, query)).take(most).collect())
    }

    async fn call_of(&self, tx: &TxId) -> Result<Option<EvmCall>> {
        let mined = self.node.mined(tx).await?;
        let call =
            |call: SimCall| Ok(EvmCall { to: address::of_account(&call.to)?, data: call.input.into() });
        mined.map(|mined| call(mined.call)).transpose()
    }

    async fn mined(&self, tx: &TxId) -> Result<Option<Mined>> {
        self.node.mined(tx).await?.map(|mined| self.mined_from(mined)).transpose()
    }

    async fn funds(&self, owner: &Account, token: Address) -> Result<Funds> {
        self.node.funds(owner, &address::asset(self.chain, &token)?).await
    }

    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Mined> {
        let from = submit.sender.map(|sender| address::account(self.chain, &sender)).transpose()?;
        let sending = sim::Submit {
            call: SimCall { from, value_atomic: submit.value_wei, ..self.call(&submit.call)? },
            gas_limit: submit.gas_limit,
            purpose: submit.purpose,
            not_after: submit.not_after,
        };
        let mined = self.node.send(sending, key).await?;
        if let (Some(what), true) = (submit.learn, mined.output.is_ok()) {
            self.gas.learn(what.contract, what.what, mined.gas_used);
        }
        self.mined_from(mined)
    }

    async fn sent(&self, key: &RecordKey) -> Result<Sent> {
        Ok(match self.node.sent(key).await? {
            sim::Sent::Never => Sent::Never,
            sim::Sent::Pending(tx) => Sent::Pending(tx),
            sim::Sent::Mined(mined) => Sent::Mined(Box::new(self.mined_from(*mined)?)),
        })
    }

    fn learned_gas(&self, key: &GasKey) -> Option<u64> {
        self.gas.learned(key)
    }

    fn sample(&self, call: &EvmCall, gas_limit: u64) -> Sample {
        unsigned_sample(self.chain_id, call, gas_limit, None)
    }

    fn senders(&self) -> Vec<Address> {
        self.node.senders().iter().filter_map(|sender| address::of_account(sender).ok()).collect()
    }

    fn signer(&self) -> Result<Arc<dyn Key>> {
        self.payer.clone().ok_or_else(|| {
            Error::caller(Code::NoSigner).detail(format!("no payer's key was given for {}", self.chain))
        })
    }
}
