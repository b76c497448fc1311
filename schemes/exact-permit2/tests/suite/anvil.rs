//! The scheme on a real local chain: a fresh anvil for each place.

use crate::key::CountingKey;
use alloy::primitives::U256;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_devnet::{Chain, ChainSpec, Devnet, PERMIT2, X402_EXACT_PERMIT2_PROXY};
use tollway_evm::fault::FaultyEvm;
use tollway_evm::{At, Evm, EvmNetwork, FAMILY, LocalKey};
use tollway_testkit::fault::{FaultPlan, Faults};
use tollway_testkit::suite::scheme::{Others, Place, Probe, Stand, Trouble};
use tollway_testkit::suite::secret::Secret;
use tollway_testkit::weave::SeededDice;

/// The scheme on anvil, each person's node behind these faults.
#[derive(Clone, Copy)]
pub(crate) struct OnAnvil(pub(crate) FaultPlan);

/// Wall-clock time, moved on.
struct Shifted(AtomicU64);

#[async_trait]
impl Clock for Shifted {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Time::from_ms(u64::try_from(since.as_millis()).unwrap()).plus_ms(self.0.load(Ordering::SeqCst))
    }
    async fn sleep(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

/// The chain as the suite sees it, and the runtime that everything here lives on.
struct World {
    runtime: Option<tokio::runtime::Runtime>,
    devnet: Devnet,
    clock: Arc<Shifted>,
    evm: Arc<EvmNetwork>,
    faults: Arc<Faults>,
    signed: Arc<AtomicUsize>,
}

impl Drop for World {
    fn drop(&mut self) {
        // The last place may be let go of on its own runtime, which must not wait for itself.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl World {
    fn chain(&self) -> &Chain {
        self.devnet.chain(ChainSpec::BASE.chain_id).unwrap()
    }
    async fn ask(&self, method: &'static str, params: Value) -> Value {
        self.chain().call(method, params).await.unwrap()
    }
    fn people(&self) -> Vec<&str> {
        let all = self.devnet.accounts();
        let accounts = [all.payer(0), all.merchant(0), all.merchant(1), all.settler(0), all.settler(1)];
        accounts.map(tollway_devnet::Account::address).into()
    }
}

fn number(hex: &Value) -> u64 {
    hex.as_str().unwrap().parse::<U256>().unwrap().to()
}

fn secret(account: &tollway_devnet::Account) -> [u8; 32] {
    alloy::hex::decode(account.private_key()).unwrap().try_into().unwrap()
}

/// A network of its own for one person.
async fn network(
    chain: &Chain,
    clock: &Arc<Shifted>,
    sender: Option<&tollway_devnet::Account>,
) -> Arc<EvmNetwork> {
    network_with(chain, clock, sender, None).await
}

async fn network_with(
    chain: &Chain,
    clock: &Arc<Shifted>,
    sender: Option<&tollway_devnet::Account>,
    payer: Option<Arc<CountingKey>>,
) -> Arc<EvmNetwork> {
    let clock: Arc<dyn Clock> = clock.clone();
    let mut builder = EvmNetwork::builder(Arc::new(MemoryLedger::new()), clock).url(chain.http_url());
    if let Some(account) = sender {
        builder = builder.sender(Arc::new(LocalKey::from_hex(account.private_key()).unwrap()));
    }
    if let Some(key) = payer {
        builder = builder.payer(key);
    }
    builder.connect().await.unwrap()
}

impl OnAnvil {
    async fn build(self, seed: u64) -> (World, Place0) {
        let devnet = Devnet::builder().chains([ChainSpec::BASE]).keep_fresh(false).start().await.unwrap();
        let (all, chain) = (devnet.accounts(), devnet.chain(ChainSpec::BASE.chain_id).unwrap());
        chain.set_allowance(chain.usdc(), all.payer(0).address(), PERMIT2, u128::MAX).await.unwrap();
        let clock = Arc::new(Shifted(AtomicU64::new(0)));
        let key = Arc::new(CountingKey::new(&secret(all.payer(0))));
        let signed = key.signed.clone();
        let shown: Arc<dyn Clock> = clock.clone();
        let faults = Faults::new(self.0, shown, seed);
        let handle = |evm: Arc<EvmNetwork>| Some(Arc::new(FaultyEvm::new(evm, &faults)).handle());
        let payer = network_with(chain, &clock, None, Some(key)).await;
        let place = Place0 {
            payer: Some(payer.handle()),
            settler: handle(network(chain, &clock, Some(all.settler(0))).await),
            rival: handle(network(chain, &clock, Some(all.settler(1))).await),
        };
        let evm = network(chain, &clock, None).await;
        (World { runtime: None, devnet, clock, evm, faults, signed }, place)
    }
}

/// The handles of a place.
struct Place0 {
    payer: Option<Handle>,
    settler: Option<Handle>,
    rival: Option<Handle>,
}

impl Stand for OnAnvil {
    fn entry(&self) -> SchemeEntry {
        tollway_exact_permit2::ENTRY
    }
    fn family(&self) -> Family {
        FAMILY
    }

    fn place(&self, seed: u64) -> Place {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (mut world, handles) = runtime.block_on(self.build(seed));
        world.runtime = Some(runtime);
        let (chain, all) = (world.evm.id(), world.devnet.accounts());
        let usdc = FAMILY.asset(chain, world.chain().usdc()).unwrap();
        let merchant = |n| FAMILY.account(chain, all.merchant(n).address()).unwrap();
        let price = Price {
            ceiling: Ceiling(Amount::new(usdc, 10_000)),
            pay_to: merchant(0),
            timeout_s: 60,
            flow: Flow::Authorization,
            chain,
        };
        let others = Others {
            payee: merchant(1),
            // Another token of the table; nothing is deployed there.
            asset: FAMILY.asset(chain, "0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42").unwrap(),
            chain: ChainId::new("eip155:10").unwrap(),
            network: None,
        };
        let secrets = [all.payer(0), all.settler(0), all.settler(1)];
        Place {
            payer: handles.payer,
            seller: None,
            settler: handles.settler,
            rival: handles.rival,
            settings: Value::Null,
            clock: world.clock.clone(),
            dice: Arc::new(SeededDice::new(seed)),
            price,
            others,
            secrets: secrets.map(|account| Secret::new("a key", &secret(account))).into(),
            probe: Arc::new(world),
        }
    }

    fn unprintable(&self) -> &'static [&'static str] {
        &["/signature"]
    }
    fn same_payment(&self, signed: &Json, changed: &Json) -> bool {
        crate::sim::compacted(signed, changed)
    }
    /// Each is a chain of its own.
    fn seeds(&self) -> u64 {
        6
    }
}

#[async_trait]
impl Probe for World {
    fn run(&self, work: BoxFuture<'static, ()>) {
        self.runtime.as_ref().unwrap().block_on(work);
    }
    async fn balance(&self, owner: &Account, asset: &AssetId) -> u128 {
        self.evm.balances(owner, &[*asset]).await.map_or(0, |held| held[0].atomic)
    }
    async fn settlements(&self, order: &Order) -> usize {
        let query = json!([{ "address": X402_EXACT_PERMIT2_PROXY, "fromBlock": "0x0" }]);
        let logs = self.ask("eth_getLogs", query).await;
        let said = order.payment.payload.value();
        let nonce = said["permit2Authorization"]["nonce"].as_str().unwrap_or_default();
        let nonce = format!("{:064x}", nonce.parse::<U256>().unwrap_or_default());
        let mut settled = 0;
        for log in logs.as_array().unwrap() {
            let call = self.ask("eth_getTransactionByHash", json!([log["transactionHash"]])).await;
            settled += usize::from(call["input"].as_str().unwrap().contains(&nonce));
        }
        settled
    }
    async fn transactions(&self) -> usize {
        let mut sent = 0;
        for person in self.people() {
            sent += number(&self.ask("eth_getTransactionCount", json!([person, "pending"])).await);
        }
        usize::try_from(sent).unwrap()
    }
    async fn state(&self) -> String {
        let mut state = format!("{} transactions", self.transactions().await);
        for person in self.people() {
            let (coins, dollars) = (self.chain().native_balance(person), self.chain().usdc_balance(person));
            state += &format!(", {person}: {} and {}", coins.await.unwrap(), dollars.await.unwrap());
        }
        state
    }
    async fn final_time(&self) -> Time {
        self.evm.look(&[], At::Final).await.unwrap().time
    }
    async fn advance(&self, to: Time) {
        let ms = to.ms_since(self.clock.now());
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
        // A chain counts whole seconds, and its blocks must not lie in the future of our clock.
        let chain = Time::from_secs(self.chain().timestamp().await.unwrap());
        let late = to.ms_since(chain) / 1_000;
        self.chain().advance_time(Duration::from_secs(late)).await.unwrap();
    }
    async fn trouble(&self, trouble: Trouble) -> bool {
        self.faults.trouble_next_send(trouble);
        true
    }
    fn signatures(&self) -> Option<usize> {
        Some(self.signed.load(Ordering::SeqCst))
    }
}
