//! A scheme on a real local chain: a fresh anvil for each place.

use crate::{Cell, CountingKey, Pairs, Wall};
use alloy::primitives::{U256, keccak256};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tollway_core::ledger::MemoryLedger;
use tollway_core::*;
use tollway_devnet::{Chain, ChainSpec, Devnet, PERMIT2};
use tollway_evm::fault::FaultyEvm;
use tollway_evm::{At, Evm, EvmNetwork, FAMILY, LocalKey};
use tollway_testkit::fault::{FaultPlan, Faults};
use tollway_testkit::suite::scheme::{Others, Place, Probe, Stand, Trouble};
use tollway_testkit::suite::secret::Secret;
use tollway_testkit::weave::SeededDice;

/// The scheme on anvil, each person's node behind these faults.
#[derive(Debug, Clone, Copy)]
pub struct OnAnvil(pub Cell, pub FaultPlan);

/// The chain as the suite sees it, and the runtime that everything here lives on.
struct World {
    runtime: Option<tokio::runtime::Runtime>,
    devnet: Devnet,
    clock: Arc<Wall>,
    evm: Arc<EvmNetwork>,
    faults: Arc<Faults>,
    signed: Arc<AtomicUsize>,
    nonce: fn(&Json) -> [u8; 32],
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
        self.devnet.chain(ChainSpec::BASE.chain_id).expect("the devnet")
    }
    async fn ask(&self, method: &'static str, params: Value) -> Value {
        self.chain().call(method, params).await.expect("the devnet")
    }
    fn people(&self) -> Vec<&str> {
        let all = self.devnet.accounts();
        let accounts = [all.payer(0), all.merchant(0), all.merchant(1), all.settler(0), all.settler(1)];
        accounts.map(tollway_devnet::Account::address).into()
    }
}

fn number(hex: &Value) -> u64 {
    hex.as_str().expect("the devnet").parse::<U256>().expect("a number").to()
}

fn secret(account: &tollway_devnet::Account) -> [u8; 32] {
    alloy::hex::decode(account.private_key()).expect("the devnet").try_into().expect("the devnet")
}

/// A network of its own for one person.
async fn network(
    chain: &Chain,
    clock: &Arc<Wall>,
    sender: Option<&tollway_devnet::Account>,
) -> Arc<EvmNetwork> {
    network_with(chain, clock, sender, None).await
}

async fn network_with(
    chain: &Chain,
    clock: &Arc<Wall>,
    sender: Option<&tollway_devnet::Account>,
    payer: Option<Arc<CountingKey>>,
) -> Arc<EvmNetwork> {
    let clock: Arc<dyn Clock> = clock.clone();
    let mut builder = EvmNetwork::builder(Arc::new(MemoryLedger::new()), clock).url(chain.http_url());
    if let Some(account) = sender {
        builder = builder.sender(Arc::new(LocalKey::from_hex(account.private_key()).expect("the devnet")));
    }
    if let Some(key) = payer {
        builder = builder.payer(key);
    }
    builder.connect().await.expect("the devnet")
}

impl OnAnvil {
    async fn build(self, seed: u64) -> (World, Handles) {
        let devnet =
            Devnet::builder().chains([ChainSpec::BASE]).keep_fresh(false).start().await.expect("the devnet");
        let (all, chain) = (devnet.accounts(), devnet.chain(ChainSpec::BASE.chain_id).expect("the devnet"));
        chain
            .set_allowance(chain.usdc(), all.payer(0).address(), PERMIT2, u128::MAX)
            .await
            .expect("the devnet");
        let clock = Arc::new(Wall::default());
        let key = Arc::new(CountingKey::new(&secret(all.payer(0))));
        let signed = key.signed();
        let shown: Arc<dyn Clock> = clock.clone();
        let faults = Faults::new(self.1, shown, seed);
        let handle = |evm: Arc<EvmNetwork>| Some(Arc::new(FaultyEvm::new(evm, &faults)).handle());
        let payer = network_with(chain, &clock, None, Some(key)).await;
        let place = Handles {
            payer: Some(payer.handle()),
            settler: handle(network(chain, &clock, Some(all.settler(0))).await),
            rival: handle(network(chain, &clock, Some(all.settler(1))).await),
        };
        let evm = network(chain, &clock, None).await;
        (World { runtime: None, devnet, clock, evm, faults, signed, nonce: self.0.nonce }, place)
    }
}

/// The handles of a place.
struct Handles {
    payer: Option<Handle>,
    settler: Option<Handle>,
    rival: Option<Handle>,
}

impl Stand for OnAnvil {
    fn entry(&self) -> SchemeEntry {
        self.0.entry
    }
    fn family(&self) -> Family {
        FAMILY
    }

    fn place(&self, seed: u64) -> Place {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("the devnet");
        let (mut world, handles) = runtime.block_on(self.build(seed));
        world.runtime = Some(runtime);
        let (chain, all) = (world.evm.id(), world.devnet.accounts());
        let usdc = FAMILY.asset(chain, world.chain().usdc()).expect("the devnet");
        let merchant = |n| FAMILY.account(chain, all.merchant(n).address()).expect("the devnet");
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
            asset: FAMILY.asset(chain, "0x60a3E35Cc302bFA44Cb288Bc5a4F316Fdb1adb42").expect("the devnet"),
            chain: ChainId::new("eip155:10").expect("the devnet"),
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
        (self.0.same_payment)(signed, changed)
    }
    fn bound_extra(&self) -> Pairs {
        self.0.bound_extra
    }
    /// Each is a chain of its own.
    fn seeds(&self) -> u64 {
        6
    }
}

#[async_trait]
impl Probe for World {
    fn run(&self, work: BoxFuture<'static, ()>) {
        self.runtime.as_ref().expect("the devnet").block_on(work);
    }
    async fn balance(&self, owner: &Account, asset: &AssetId) -> u128 {
        self.evm.balances(owner, &[*asset]).await.map_or(0, |held| held[0].atomic)
    }
    async fn settlements(&self, order: &Order) -> usize {
        let nonce = alloy::hex::encode((self.nonce)(&order.payment.payload));
        let payer = format!("0x{:0>64}", self.devnet.accounts().payer(0).address().trim_start_matches("0x"));
        let transfer = keccak256("Transfer(address,address,uint256)");
        let query =
            json!([{"address": self.chain().usdc(), "topics": [transfer, payer], "fromBlock": "0x0"}]);
        let mut count = 0;
        for log in self.ask("eth_getLogs", query).await.as_array().expect("logs") {
            let tx = self.ask("eth_getTransactionByHash", json!([log["transactionHash"]])).await;
            count += usize::from(tx["input"].as_str().expect("call data").contains(&nonce));
        }
        count
    }
    async fn transactions(&self) -> usize {
        let mut sent = 0;
        for person in self.people() {
            sent += number(&self.ask("eth_getTransactionCount", json!([person, "pending"])).await);
        }
        usize::try_from(sent).expect("the devnet")
    }
    async fn state(&self) -> String {
        let mut state = format!("{} transactions", self.transactions().await);
        for person in self.people() {
            let (coins, dollars) = (self.chain().native_balance(person), self.chain().usdc_balance(person));
            state += &format!(
                ", {person}: {} and {}",
                coins.await.expect("the devnet"),
                dollars.await.expect("the devnet")
            );
        }
        state
    }
    async fn final_time(&self) -> Time {
        self.evm.look(&[], At::Final).await.expect("the devnet").time
    }
    async fn advance(&self, to: Time) {
        let ms = to.ms_since(self.clock.now());
        self.clock.move_on(ms);
        // A chain counts whole seconds, and its blocks must not lie in the future of our clock.
        let chain = Time::from_secs(self.chain().timestamp().await.expect("the devnet"));
        let late = to.ms_since(chain) / 1_000;
        self.chain().advance_time(Duration::from_secs(late)).await.expect("the devnet");
    }
    async fn trouble(&self, trouble: Trouble) -> bool {
        self.faults.trouble_next_send(trouble);
        true
    }
    fn signatures(&self) -> Option<usize> {
        Some(self.signed.load(Ordering::SeqCst))
    }
}
