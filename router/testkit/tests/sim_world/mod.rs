//! A chain with a token, a rich payer, and people to pay.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::Arc;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Account, AssetId, Clock, Ledger, Purpose, Time};
use tollway_testkit::sim::*;
use tollway_testkit::weave::Weave;

pub(crate) struct Place {
    pub(crate) weave: Weave,
    pub(crate) chain: Arc<SimChain>,
    pub(crate) key: SimKey,
    pub(crate) payer: Account,
    pub(crate) token: AssetId,
    node: Arc<SimNode>,
}

/// Plenty of gas, no hurry.
pub(crate) fn submit(call: SimCall) -> Submit {
    Submit { call, gas_limit: 300_000, purpose: Purpose::Interactive, not_after: Time::FAR }
}

impl Place {
    pub(crate) fn calm(seed: u64) -> Self {
        Self::new(seed, SimSettings::calm("sim:1").unwrap())
    }
    pub(crate) fn stormy(seed: u64) -> Self {
        Self::new(seed, SimSettings::stormy("sim:1").unwrap())
    }
    pub(crate) fn new(seed: u64, settings: SimSettings) -> Self {
        let weave = Weave::new(seed);
        let chain = SimChain::new(settings, weave.clock(), &weave.dice()).unwrap();
        let key = SimKey::named("payer");
        let (payer, token) = (chain.know(&key).unwrap(), chain.token("dollar").unwrap());
        chain.endow(&payer, &token, 1_000_000).unwrap();
        chain.endow(&payer, &chain.coin(), 10u128.pow(22)).unwrap();
        let node = chain.node(Arc::new(MemoryLedger::new())).sender(&key).unwrap().build();
        Self { weave, chain, key, payer, token, node }
    }
    /// A node that never fails, always the same.
    pub(crate) fn node(&self) -> Arc<SimNode> {
        Arc::clone(&self.node)
    }
    pub(crate) fn node_on(&self, ledger: Arc<dyn Ledger>, rpc: RpcSettings) -> Arc<SimNode> {
        self.chain.node(ledger).sender(&self.key).unwrap().rpc(rpc).build()
    }
    pub(crate) fn person(&self, name: &str) -> Account {
        account(self.chain.id(), name).unwrap()
    }
    pub(crate) fn program(&self) -> Account {
        Account::new(self.chain.id(), self.token.key()).unwrap()
    }
    pub(crate) fn pay(&self, to: &str, atomic: u128) -> Submit {
        let to = self.person(to).address().to_owned();
        let call = TokenCall::Transfer { to, amount: atomic.to_string() };
        submit(SimCall::new(self.program(), call.encode()))
    }
    /// Good from now on for an hour.
    pub(crate) fn authorization(&self, to: &str, atomic: u128, nonce: &str) -> SignedAuthorization {
        let now = self.weave.clock().now().secs();
        let authorization = TokenAuthorization {
            from: self.payer.address().to_owned(),
            to: self.person(to).address().to_owned(),
            amount: atomic.to_string(),
            valid_after: now - 1,
            valid_before: now + 3_600,
            nonce: nonce.to_owned(),
        };
        let signature = hex::encode(self.key.sign(&authorization.message(&self.token)));
        SignedAuthorization { authorization, signature }
    }
    pub(crate) fn state_of(&self, nonce: &str) -> SimCall {
        let (from, nonce) = (self.payer.address().to_owned(), nonce.to_owned());
        SimCall::new(self.program(), TokenCall::AuthorizationState { from, nonce }.encode())
    }
}
