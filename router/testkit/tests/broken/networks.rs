//! A sound network, and broken ones.

use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tollway_core::ledger::MemoryLedger;
use tollway_core::{
    Account, Amount, AssetId, ChainId, Clock, Code, Cost, Error, Network, NetworkTraits, Outcome, Part,
    Purpose, Result, Tariff, Time, TxId, Work, async_trait,
};
use tollway_testkit::sim::{Sim, SimCall, SimChain, SimKey, SimSettings, Submit, TokenCall, account};
use tollway_testkit::suite::Checked;
use tollway_testkit::suite::network::{self, Place, Probe, Stand};
use tollway_testkit::weave::{VirtualClock, Weave};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Nothing,
    IsSomebodyElse,
    AsksWhilePricing,
    FollowsTheMarket,
    NamesAPartTwice,
    ForgetsBytes,
    SharesByItself,
    GoodForEver,
    HasteIsCheap,
    WrapsAround,
    InventsTransactions,
    MixesUpBalances,
}
use Fault::*;

tollway_testkit::network_suite!(Bench(Nothing));

struct Bench(Fault);

struct World {
    weave: Weave,
    calls: Arc<AtomicUsize>,
}

#[async_trait]
impl Probe for World {
    fn run(&self, work: BoxFuture<'static, ()>) {
        self.weave.run(work).unwrap();
    }
    async fn go_on(&self, ms: u64) {
        self.weave.clock().sleep(ms).await;
    }
    fn calls(&self) -> Option<usize> {
        Some(self.calls.load(Ordering::SeqCst))
    }
}

impl Stand for Bench {
    fn place(&self, seed: u64) -> Place {
        let weave = Weave::new(seed);
        let chain = SimChain::new(SimSettings::calm("sim:1").unwrap(), weave.clock(), &weave.dice()).unwrap();
        let (key, token) = (SimKey::named("owner"), chain.token("dollar").unwrap());
        let owner = chain.know(&key).unwrap();
        chain.endow(&owner, &token, 700).unwrap();
        chain.endow(&owner, &chain.coin(), 10u128.pow(22)).unwrap();
        let node = chain.node(Arc::new(MemoryLedger::new())).sender(&key).unwrap().build();
        let program = Account::new(chain.id(), token.key()).unwrap();
        let pay = |amount: u128| {
            let to = account(chain.id(), "bob").unwrap().address().to_owned();
            let call = SimCall::new(program, TokenCall::Transfer { to, amount: amount.to_string() }.encode());
            Submit { call, gas_limit: 200_000, purpose: Purpose::Interactive, not_after: Time::FAR }
        };
        let done = weave.run(node.send(pay(5), &"done".into())).unwrap().unwrap();
        let failed = weave.run(node.send(pay(9_999), &"failed".into())).unwrap().unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let network = Net { fault: self.0, inner: node, calls: Arc::clone(&calls), clock: weave.clock() };
        let holdings = [token, chain.coin()].map(|asset| Amount::new(asset, chain.balance(&owner, &asset)));
        Place {
            network: Arc::new(network),
            clock: weave.clock(),
            owner,
            holdings: holdings.into(),
            pauper: account(chain.id(), "pauper").unwrap(),
            done: Some(done.tx),
            failed: Some(failed.tx),
            unknown: TxId(format!("0x{}", "5a".repeat(32))),
            probe: Arc::new(World { weave, calls }),
        }
    }
}

/// A network with a fault, that counts how often it asks.
struct Net {
    fault: Fault,
    inner: Arc<dyn Sim>,
    calls: Arc<AtomicUsize>,
    clock: Arc<VirtualClock>,
}

impl Net {
    fn ask(&self) -> &dyn Sim {
        self.calls.fetch_add(1, Ordering::SeqCst);
        &*self.inner
    }
}

#[async_trait]
impl Network for Net {
    fn id(&self) -> ChainId {
        if self.fault == IsSomebodyElse { ChainId::new("sim:7").unwrap() } else { self.inner.id() }
    }
    fn traits(&self) -> NetworkTraits {
        self.inner.traits()
    }
    async fn tariff(&self, purpose: Purpose, touching: &[Account]) -> Result<Arc<dyn Tariff>> {
        let purpose = match (self.fault, purpose) {
            (HasteIsCheap, Purpose::Interactive) => Purpose::Floor,
            (HasteIsCheap, Purpose::Floor) => Purpose::Interactive,
            (_, purpose) => purpose,
        };
        let inner = self.ask().tariff(purpose, touching).await?;
        let (fault, calls, clock) = (self.fault, Arc::clone(&self.calls), Arc::clone(&self.clock));
        Ok(Arc::new(Prices { fault, inner, calls, clock }))
    }
    async fn balances(&self, owner: &Account, assets: &[AssetId]) -> Result<Vec<Amount>> {
        let mut held = self.ask().balances(owner, assets).await?;
        if self.fault == MixesUpBalances {
            held.sort_by_key(|amount| amount.asset);
        }
        Ok(held)
    }
    async fn outcome(&self, tx: &TxId) -> Result<Outcome> {
        let outcome = self.ask().outcome(tx).await?;
        Ok(match outcome {
            Outcome::Unseen if self.fault == InventsTransactions => Outcome::Pending,
            outcome => outcome,
        })
    }
}

#[derive(Debug)]
struct Prices {
    fault: Fault,
    inner: Arc<dyn Tariff>,
    calls: Arc<AtomicUsize>,
    clock: Arc<VirtualClock>,
}

impl Tariff for Prices {
    fn price(&self, work: &Work) -> Result<Cost> {
        let mut cost = match self.fault {
            ForgetsBytes => {
                let mut less = work.clone();
                less.compute =
                    work.compute.saturating_sub(100 * u64::try_from(work.sample.bytes().len()).unwrap());
                self.inner.price(&less)?
            }
            WrapsAround => {
                let mut small = work.clone();
                small.compute %= 1 << 32;
                small.compute = if work.compute == u64::MAX { 1 } else { small.compute };
                self.inner.price(&small)?
            }
            _ => self.inner.price(work)?,
        };
        let whole = cost.total();
        let mut extra =
            |atomic: u128| cost.parts.try_push((Part::Fee, atomic)).map_err(|_| Error::us(Code::Internal));
        match self.fault {
            AsksWhilePricing => {
                self.calls.fetch_add(1, Ordering::SeqCst);
            }
            FollowsTheMarket => extra(u128::from(self.clock.now().ms()))?,
            NamesAPartTwice => {
                extra(1)?;
                extra(1)?;
            }
            SharesByItself => {
                cost.parts.clear();
                cost.add(Part::Execution, whole / u128::from(work.shared_by.get()))?;
            }
            _ => {}
        }
        Ok(cost)
    }
    fn taken_at(&self) -> Time {
        self.inner.taken_at()
    }
    fn valid_until(&self) -> Time {
        if self.fault == GoodForEver { Time::FAR } else { self.inner.valid_until() }
    }
    fn source(&self) -> &str {
        self.inner.source()
    }
}

const CAUGHT: &[(Fault, &str)] = &[
    (IsSomebodyElse, "names_its_chain"),
    (AsksWhilePricing, "prices_without_io"),
    (FollowsTheMarket, "prices_without_io"),
    (NamesAPartTwice, "parts_sum_to_the_total"),
    (ForgetsBytes, "more_work_is_never_cheaper"),
    (SharesByItself, "sharing_is_left_to_others"),
    (GoodForEver, "tariffs_are_dated"),
    (HasteIsCheap, "haste_is_never_cheaper"),
    (WrapsAround, "no_work_is_too_large_to_think_about"),
    (InventsTransactions, "tells_what_became_of_transactions"),
    (MixesUpBalances, "balances_agree"),
];

#[test]
fn every_broken_network_is_caught_by_the_property_that_names_its_fault() {
    for (fault, property) in CAUGHT {
        let checked = network::check_all(&Bench(*fault), |name| name == *property);
        let [(_, Checked::Broken(broken))] = checked.as_slice() else { panic!("{fault:?}: {checked:?}") };
        assert!(!broken.seen.starts_with("a panic"), "{fault:?}: {broken}");
    }
    let toothless: Vec<_> =
        network::names().into_iter().filter(|name| CAUGHT.iter().all(|(_, bitten)| bitten != name)).collect();
    assert!(toothless.is_empty(), "{toothless:?}");
}
