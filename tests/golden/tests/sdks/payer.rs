//! Tollway's own payer, as its plugin builds it, on a chain that holds money and does nothing else.

use alloy::primitives::Address;
use futures::executor::block_on;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_evm::custody::Key;
use tollway_evm::{
    At, Evm, EvmCall, FAMILY, GasKey, Landing, LocalKey, LogQuery, Looked, Mined, Sent, Submit, Trial, Tried,
};
use tollway_exact_eip3009::ENTRY;
use tollway_golden::{KEY, NOW};

struct Purse(ChainId);

fn nobody<T>() -> Result<T> {
    Err(Error::network(Code::Unreachable))
}

#[async_trait]
impl Network for Purse {
    fn id(&self) -> ChainId {
        self.0
    }
    fn traits(&self) -> NetworkTraits {
        NetworkTraits { block_ms: 2_000, testnet: true }
    }
    async fn tariff(&self, _: Purpose, _: &[Account]) -> Result<Arc<dyn Tariff>> {
        nobody()
    }
    async fn balances(&self, _: &Account, _: &[AssetId]) -> Result<Vec<Amount>> {
        nobody()
    }
    async fn outcome(&self, _: &TxId) -> Result<Outcome> {
        nobody()
    }
}

#[async_trait]
impl Evm for Purse {
    fn chain_id(&self) -> u64 {
        self.0.reference().parse().unwrap()
    }
    async fn look(&self, _: &[EvmCall], _: At) -> Result<Looked> {
        nobody()
    }
    async fn find_log(&self, _: &LogQuery) -> Result<Option<Landing>> {
        nobody()
    }
    async fn mined(&self, _: &TxId) -> Result<Option<Mined>> {
        nobody()
    }
    async fn funds(&self, owner: &Account, token: Address) -> Result<Funds> {
        let balance = Amount::new(FAMILY.asset(self.0, &token.to_string())?, u128::MAX);
        Ok(Funds { owner: *owner, balance, as_of: Time::from_secs(NOW) })
    }
    async fn send(&self, _: Submit, _: &RecordKey) -> Result<Mined> {
        nobody()
    }
    async fn sent(&self, _: &RecordKey) -> Result<Sent> {
        nobody()
    }
    async fn try_out(&self, _: &Trial) -> Result<Tried> {
        nobody()
    }
    fn learned_gas(&self, _: &GasKey) -> Option<u64> {
        None
    }
    fn sample(&self, call: &EvmCall, _: u64) -> Sample {
        Sample::new(call.data.to_vec())
    }
    fn senders(&self) -> Vec<Address> {
        Vec::new()
    }
    fn signer(&self) -> Result<Arc<dyn Key>> {
        Ok(Arc::new(LocalKey::from_bytes(&KEY)?))
    }
}

struct Standing(AtomicU8);

#[async_trait]
impl Clock for Standing {
    fn now(&self) -> Time {
        Time::from_secs(NOW)
    }
    async fn sleep(&self, _: u64) {}
}
impl Dice for Standing {
    fn fill(&self, out: &mut [u8]) {
        out.fill_with(|| self.0.fetch_add(1, Ordering::SeqCst));
    }
}

/// Pays one entry of a challenge.
pub(crate) fn pay(challenge: &Challenge, requirement: &Requirement) -> Payment {
    let evm = Arc::new(Purse(requirement.chain));
    let ledger = Arc::new(MemoryLedger::default());
    let standing = Arc::new(Standing(AtomicU8::new(0)));
    let registry = Registry::builder()
        .with(ENTRY)
        .family(FAMILY)
        .network(Handle::new::<dyn Evm>(evm.clone(), evm))
        // The SDKs' v1 names lead to chains whose tokens are in no table.
        .settings("exact", json!({"allow_unknown_assets": true}))
        .role(Role::Payer)
        .build(ledger.clone(), standing.clone(), standing)
        .unwrap();
    let payer = registry.cells().next().unwrap().payer.clone().unwrap();
    let now = Time::from_secs(NOW);
    let demand = Demand { challenge, requirement, now };
    block_on(async {
        let plan = payer.plan(&demand).await.unwrap();
        let reserved = Reserved::new(&*ledger, HoldId("hold".to_owned()), &[], plan, now).await.unwrap();
        let attempt = AttemptId("attempt".to_owned());
        let payment = payer.authorize(&demand, &reserved, &attempt).await.unwrap().payment;
        // The client adds what the server wants echoed.
        Payment { extensions: challenge.extensions.clone(), ..payment }
    })
}
