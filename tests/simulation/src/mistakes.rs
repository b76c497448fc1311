//! The mistakes that take a wrapper of their own.

use crate::log::of_payload;
use alloy::primitives::Address;
use bytes::Bytes;
use futures::future::{Either, join, select};
use http::{Response, StatusCode};
use std::sync::Arc;
use tollway_core::{
    Account, Amount, AssetId, ChainId, Clock, Funds, Json, Network, NetworkTraits, Outcome, Purpose,
    RecordKey, Result, Sample, Tariff, TxId, async_trait,
};
use tollway_evm::custody::Key;
use tollway_evm::sim::SimToken;
use tollway_evm::{At, Evm, EvmCall, GasKey, Landing, LogQuery, Looked, Mined, Sent, Submit, Trial, Tried};
use tollway_testkit::sim::{Ctx, Program, Revert};

/// A token that moves the money twice for one authorization, as long as there is enough of it.
pub(crate) struct PaysTwice(pub(crate) SimToken);

impl Program for PaysTwice {
    fn call(&self, ctx: &mut Ctx<'_>, caller: &Account, input: &[u8]) -> Result<Vec<u8>, Revert> {
        let output = self.0.call(ctx, caller, input)?;
        // transferWithAuthorization: selector, from, to, value, validAfter, validBefore, nonce, signature.
        let word = |n: usize| input.get(n.saturating_mul(32).saturating_add(4)..)?.get(..32);
        let address = |n| word(n).map(|w| Address::from_word(alloy::primitives::B256::from_slice(w)));
        let value = word(2).and_then(|w| w.get(16..)?.try_into().ok()).map(u128::from_be_bytes);
        if let (true, Some(from), Some(to), Some(value)) =
            (input.len() > 7 * 32, address(0), address(1), value)
        {
            let account = |a: Address| {
                tollway_evm::address::account(ctx.me().chain, &a).map_err(|e| Revert(e.to_string()))
            };
            let (from, to) = (account(from)?, account(to)?);
            let _ = ctx.move_own(&from, &to, value);
        }
        Ok(output)
    }
}

/// A chain whose user has no patience: what is not final after a moment is sent once more, under another key.
pub(crate) struct NewKeys {
    inner: Arc<dyn Evm>,
    clock: Arc<dyn Clock>,
}

/// How long it waits, in milliseconds: a block and a half.
const PATIENCE_MS: u64 = 3_000;

impl NewKeys {
    pub(crate) fn new(inner: Arc<dyn Evm>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, clock }
    }
}

#[async_trait]
impl Network for NewKeys {
    fn id(&self) -> ChainId {
        self.inner.id()
    }
    fn traits(&self) -> NetworkTraits {
        self.inner.traits()
    }
    async fn tariff(&self, purpose: Purpose, touching: &[Account]) -> Result<Arc<dyn Tariff>> {
        self.inner.tariff(purpose, touching).await
    }
    async fn balances(&self, owner: &Account, assets: &[AssetId]) -> Result<Vec<Amount>> {
        self.inner.balances(owner, assets).await
    }
    async fn outcome(&self, tx: &TxId) -> Result<Outcome> {
        self.inner.outcome(tx).await
    }
}

#[async_trait]
impl Evm for NewKeys {
    fn chain_id(&self) -> u64 {
        self.inner.chain_id()
    }
    async fn look(&self, calls: &[EvmCall], at: At) -> Result<Looked> {
        self.inner.look(calls, at).await
    }
    async fn find_log(&self, query: &LogQuery) -> Result<Option<Landing>> {
        self.inner.find_log(query).await
    }
    async fn mined(&self, tx: &TxId) -> Result<Option<Mined>> {
        self.inner.mined(tx).await
    }
    async fn funds(&self, owner: &Account, token: Address) -> Result<Funds> {
        self.inner.funds(owner, token).await
    }
    async fn try_out(&self, trial: &Trial) -> Result<Tried> {
        self.inner.try_out(trial).await
    }
    async fn send(&self, submit: Submit, key: &RecordKey) -> Result<Mined> {
        let first = self.inner.send(submit.clone(), key);
        match select(first, self.clock.sleep(PATIENCE_MS)).await {
            Either::Left((mined, _)) => mined,
            Either::Right(((), first)) => {
                let other = RecordKey(format!("{key}#again"));
                join(first, self.inner.send(submit, &other)).await.0
            }
        }
    }
    async fn sent(&self, key: &RecordKey) -> Result<Sent> {
        self.inner.sent(key).await
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

/// What a facilitator that lies says to a request for settlement; `None` where it cannot make anything up.
pub(crate) fn settled_says_the_liar(body: &[u8]) -> Option<Response<Bytes>> {
    let asked: serde_json::Value = serde_json::from_slice(body).ok()?;
    let signature = of_payload(asked.pointer("/paymentPayload/payload")?)?;
    let network = asked.pointer("/paymentRequirements/network")?.as_str()?;
    let said = serde_json::json!({
        "success": true, "transaction": signature.nonce, "network": network, "payer": signature.from,
    });
    let mut answer = Response::new(Bytes::from(Json::of(&said).as_str().to_owned()));
    *answer.status_mut() = StatusCode::OK;
    Some(answer)
}
