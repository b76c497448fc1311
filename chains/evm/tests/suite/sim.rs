use futures::future::BoxFuture;
use std::sync::Arc;
use tollway_core::ledger::MemoryLedger;
use tollway_core::{Amount, Clock, Purpose, RecordKey, Time, TxId, async_trait};
use tollway_evm::fault::FaultyEvm;
use tollway_evm::sim::{SimEvm, SimToken};
use tollway_evm::{Evm, EvmCall, Submit, address};
use tollway_testkit::fault::{FaultPlan, Faults};
use tollway_testkit::sim::{SimChain, SimKey, SimSettings};
use tollway_testkit::suite::network::{Place, Probe, Stand};
use tollway_testkit::weave::Weave;

/// A simulated EVM chain behind faults.
pub(crate) struct OnSim(pub(crate) FaultPlan);

struct World(Weave);

const USDC: &str = "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913";

impl Stand for OnSim {
    fn place(&self, seed: u64) -> Place {
        let weave = Weave::new(seed);
        let mut settings = SimSettings::calm("eip155:8453").unwrap();
        settings.fees.l1_per_byte = 1_000;
        let chain = SimChain::new(settings, weave.clock(), &weave.dice()).unwrap();
        let token = SimToken::known(chain.id(), USDC).unwrap();
        let usdc = token.asset().unwrap();
        SimEvm::deploy(&chain, [token.clone()]).unwrap();
        let (key, poor) = (SimKey::named("owner"), SimKey::named("pauper"));
        let owner = chain.know(&key).unwrap();
        chain.endow(&owner, &usdc, 5_000).unwrap();
        chain.endow(&owner, &chain.coin(), 10u128.pow(18)).unwrap();
        let node = chain.node(Arc::new(MemoryLedger::new())).sender(&key).unwrap().build();
        let evm: Arc<dyn Evm> = Arc::new(SimEvm::new(node).unwrap());
        // A call that the token does not know fails in its block; one to nobody does nothing, well.
        let call = |to, data: &'static [u8]| Submit {
            call: EvmCall { to, data: data.into() },
            value_wei: 0,
            gas_limit: 100_000,
            purpose: Purpose::Interactive,
            sender: None,
            not_after: Time::FAR,
            learn: None,
        };
        let failing = call(token.address(), &[1, 2, 3, 4]);
        let doing = call(address::parse("0x00000000000000000000000000000000000000aa").unwrap(), &[]);
        let send = async {
            let failed = evm.send(failing, &RecordKey("a".to_owned())).await.unwrap();
            let done = evm.send(doing, &RecordKey("b".to_owned())).await.unwrap();
            (failed, done)
        };
        let (failed, done) = weave.run(send).unwrap();
        assert!(!failed.success && done.success);
        let clock = weave.clock();
        let faults = Faults::new(self.0, clock.clone(), seed);
        let held = [usdc, chain.coin()].map(|asset| Amount::new(asset, chain.balance(&owner, &asset)));
        Place {
            network: Arc::new(FaultyEvm::new(evm, &faults)),
            clock,
            owner,
            holdings: held.into(),
            pauper: chain.know(&poor).unwrap(),
            done: Some(done.tx),
            failed: Some(failed.tx),
            unknown: TxId(format!("0x{}", "ab".repeat(32))),
            probe: Arc::new(World(weave)),
        }
    }
}

#[async_trait]
impl Probe for World {
    fn run(&self, work: BoxFuture<'static, ()>) {
        self.0.run(work).unwrap();
    }
    async fn go_on(&self, ms: u64) {
        self.0.clock().sleep(ms).await;
    }
}
