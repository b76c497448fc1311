use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Amount, AssetId, Clock, Network, Purpose, RecordKey, Time, TxId, async_trait};
use tollway_devnet::{ChainSpec, Devnet};
use tollway_evm::fault::FaultyEvm;
use tollway_evm::{Evm, EvmCall, EvmNetwork, FAMILY, LocalKey, Submit, address};
use tollway_testkit::fault::{FaultPlan, Faults};
use tollway_testkit::suite::network::{Place, Probe, Stand};

/// A real node of one kind of chain, behind faults.
pub(crate) struct OnAnvil(pub(crate) ChainSpec, pub(crate) FaultPlan);

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

struct World {
    runtime: Option<tokio::runtime::Runtime>,
    devnet: Devnet,
    clock: Arc<Shifted>,
}

impl Drop for World {
    fn drop(&mut self) {
        // The last place may be let go of on its own runtime, which must not wait for itself.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a place is made of, before it knows its runtime.
struct Parts {
    devnet: Devnet,
    evm: Arc<EvmNetwork>,
    done: TxId,
    failed: TxId,
    coins: u128,
    dollars: u128,
}

async fn parts(spec: &ChainSpec, clock: Arc<Shifted>) -> Parts {
    let devnet = Devnet::builder().chains([*spec]).keep_fresh(false).start().await.unwrap();
    let chain = devnet.chain(spec.chain_id).unwrap();
    let owner = devnet.accounts().settler(0);
    let key = Arc::new(LocalKey::from_hex(owner.private_key()).unwrap());
    let builder = EvmNetwork::builder(Arc::new(MemoryLedger::new()), clock).url(chain.http_url());
    let evm = builder.sender(key).connect().await.unwrap();
    let submit = |to: &str, data: &'static [u8]| Submit {
        call: EvmCall { to: address::parse(to).unwrap(), data: data.into() },
        value_wei: 0,
        gas_limit: 200_000,
        purpose: Purpose::Interactive,
        sender: None,
        not_after: Time::FAR,
        learn: None,
    };
    // The token knows no such call, so it fails in its block; a call to nobody does nothing, well.
    let failing = submit(chain.usdc(), &[1, 2, 3, 4]);
    let doing = submit("0x00000000000000000000000000000000000000aa", &[]);
    let failed = evm.send(failing, &RecordKey("a".to_owned())).await.unwrap();
    let done = evm.send(doing, &RecordKey("b".to_owned())).await.unwrap();
    assert!(!failed.success && done.success);
    chain.mint_usdc(owner.address(), 5_000).await.unwrap();
    let coins = chain.native_balance(owner.address()).await.unwrap();
    let dollars = chain.usdc_balance(owner.address()).await.unwrap();
    Parts { evm, done: done.tx, failed: failed.tx, coins, dollars, devnet }
}

impl Stand for OnAnvil {
    fn place(&self, seed: u64) -> Place {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let clock = Arc::new(Shifted(AtomicU64::new(0)));
        let made = runtime.block_on(parts(&self.0, clock.clone()));
        let chain = made.evm.id();
        let account = |of: &tollway_devnet::Account| FAMILY.account(chain, of.address()).unwrap();
        let usdc = FAMILY.asset(chain, self.0.usdc).unwrap();
        let faults = Faults::new(self.1, clock.clone(), seed);
        Place {
            owner: account(made.devnet.accounts().settler(0)),
            holdings: vec![Amount::new(usdc, made.dollars), Amount::new(AssetId::native(chain), made.coins)],
            pauper: FAMILY.account(chain, "0x00000000000000000000000000000000000000bb").unwrap(),
            done: Some(made.done),
            failed: Some(made.failed),
            unknown: TxId(format!("0x{}", "ab".repeat(32))),
            network: Arc::new(FaultyEvm::new(made.evm, &faults)),
            probe: Arc::new(World { runtime: Some(runtime), devnet: made.devnet, clock: clock.clone() }),
            clock,
        }
    }
    /// Each is a chain of its own.
    fn seeds(&self) -> u64 {
        3
    }
}

#[async_trait]
impl Probe for World {
    fn run(&self, work: BoxFuture<'static, ()>) {
        self.runtime.as_ref().unwrap().block_on(work);
    }
    async fn go_on(&self, ms: u64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
        for chain in self.devnet.chains() {
            chain.mine(2).await.unwrap();
        }
        // Looks that are asked for at nearly the same time share one.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    fn calls(&self) -> Option<usize> {
        let counts = self.devnet.chains().iter().map(|chain| chain.counts().http_requests);
        usize::try_from(counts.sum::<u64>()).ok()
    }
}
