//! Everything there is in one run: the chain, the network, the parties' disks, and what is to be bought.

use crate::bug::{Bug, Party};
use crate::disk::Disk;
use crate::log::Log;
use crate::mistakes::PaysTwice;
use crate::storm::Storm;
use crate::wire::Wire;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::{
    Account, Amount, AssetId, Clock, Dice, Error, Ledger, Oracle, Result, Time, UsdPrice, async_trait,
};
use tollway_evm::sim::{SimEvm, SimToken};
use tollway_evm::{LocalKey, address};
use tollway_testkit::fault::{FaultPlan, Faults, FaultyLedger};
use tollway_testkit::sim::{NodeBuilder, RpcSettings, SimChain, SimKey, account};
use tollway_testkit::weave::Weave;

const CHAIN: &str = "eip155:84532";
const USDC: &str = "0x036cbd53842c5426634e7929541ec2318f3dcf7e";
/// What a thing costs, in atomic units of a token of six decimals: a cent.
pub(crate) const PRICE: u128 = 10_000;
/// What a thing costs that nobody may buy.
pub(crate) const DEAR: u128 = 50_000;
/// For how long a payment is good, in seconds.
pub(crate) const WINDOW_S: u64 = 60;
/// One in so many things is too dear.
const DEAR_EVERY: u64 = 50;

/// Somebody who buys.
pub(crate) struct Buyer {
    /// Its process.
    pub(crate) name: String,
    pub(crate) key: Arc<LocalKey>,
    pub(crate) account: Account,
    pub(crate) disk: Arc<Disk>,
    /// What it had at the beginning.
    pub(crate) had: u128,
    /// What it is yet to buy, by path.
    todo: Mutex<VecDeque<String>>,
    busy: Arc<AtomicUsize>,
}

/// A purchase under way; dropped when it is over, or when its process crashes.
pub(crate) struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Buyer {
    /// The next thing to buy.
    pub(crate) fn next(&self) -> Option<(String, Busy)> {
        let path = self.todo.lock().unwrap_or_else(PoisonError::into_inner).pop_front()?;
        self.busy.fetch_add(1, Ordering::Relaxed);
        Some((path, Busy(Arc::clone(&self.busy))))
    }
    pub(crate) fn is_done(&self) -> bool {
        let todo = self.todo.lock().unwrap_or_else(PoisonError::into_inner);
        todo.is_empty() && self.busy.load(Ordering::Relaxed) == 0
    }
}

pub(crate) struct World {
    pub(crate) weave: Weave,
    pub(crate) chain: Arc<SimChain>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) log: Arc<Log>,
    pub(crate) storm: Storm,
    pub(crate) bug: Option<Bug>,
    pub(crate) token: AssetId,
    pub(crate) payee: Account,
    pub(crate) buyers: Vec<Buyer>,
    pub(crate) shop: Arc<Disk>,
    facilitator: Mutex<Arc<Disk>>,
    facilitator_key: SimKey,
    calm: AtomicBool,
    lives: AtomicU64,
    faults: Mutex<Vec<Arc<Faults>>>,
    broken: Mutex<Option<Error>>,
}

impl World {
    pub(crate) fn new(
        seed: u64,
        storm: Storm,
        bug: Option<Bug>,
        buyers: u64,
        purchases: u64,
    ) -> Result<Arc<Self>> {
        let weave = Weave::new(seed).step_bound(u64::MAX).rushing(if storm.crash_ms > 0 { 2 } else { 0 });
        let chain = SimChain::new(storm.chain(CHAIN)?, weave.clock(), &weave.dice())?;
        let token = deploy(&chain, bug)?;
        let log = Arc::new(Log::default());
        let disk = |name: &str, party| {
            let bug = bug.filter(|bug| bug.of() == party);
            Disk::new(bug, weave.dice().fork("disk").fork(name))
        };
        let facilitator_key = SimKey::named("facilitator");
        chain.endow(&chain.know(&facilitator_key)?, &chain.coin(), 10u128.pow(24))?;
        let buyer = |n: u64| -> Result<Buyer> {
            let name = format!("buyer {n}");
            let key = Arc::new(LocalKey::from_bytes(&secret(n))?);
            let account = address::account(chain.id(), &key.address())?;
            let todo: VecDeque<String> = (0..purchases).map(|i| thing(n, i)).collect();
            let had = PRICE.saturating_mul(u128::from(purchases)).saturating_mul(3);
            chain.endow(&account, &token, had)?;
            let (disk, todo, busy) = (disk(&name, Party::Payer), Mutex::new(todo), Arc::default());
            Ok(Buyer { name, key, account, disk, had, todo, busy })
        };
        Ok(Arc::new(Self {
            wire: Wire::new(&weave, &log, storm.wires),
            payee: account(chain.id(), "payee")?,
            buyers: (0..buyers).map(buyer).collect::<Result<_>>()?,
            shop: disk("shop", Party::Shop),
            facilitator: Mutex::new(disk("facilitator", Party::Facilitator)),
            facilitator_key,
            calm: AtomicBool::new(false),
            lives: AtomicU64::new(0),
            faults: Mutex::default(),
            broken: Mutex::default(),
            weave,
            chain,
            log,
            storm,
            bug,
            token,
        }))
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.weave.clock()
    }
    pub(crate) fn dice(&self) -> Arc<dyn Dice> {
        self.weave.dice()
    }
    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
    /// Every second shop sees the chain for itself; the others believe their facilitator.
    pub(crate) fn shop_sees(&self) -> bool {
        self.weave.seed() % 2 == 1
    }
    pub(crate) fn price(&self) -> Amount {
        Amount::new(self.token, PRICE)
    }

    /// A process's disk as the process sees it.
    pub(crate) fn ledger(&self, disk: &Arc<Disk>) -> Arc<dyn Ledger> {
        let plan = if self.is_calm() { FaultPlan::NONE } else { self.storm.disk };
        let faults = Faults::new(plan, self.clock(), self.life());
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&faults));
        Arc::new(FaultyLedger::new(Arc::clone(disk), &faults))
    }
    /// A process's way to the chain.
    pub(crate) fn node(&self, ledger: Arc<dyn Ledger>) -> NodeBuilder {
        let rpc = if self.is_calm() { RpcSettings::default() } else { self.storm.rpc };
        self.chain.node(ledger).rpc(rpc).seed(self.life()).patience_ms(30_000)
    }
    pub(crate) fn facilitator_key(&self) -> &SimKey {
        &self.facilitator_key
    }
    /// The facilitator's disk; a new one at every start, for a facilitator that makes that mistake.
    pub(crate) fn facilitator(&self) -> MutexGuard<'_, Arc<Disk>> {
        self.facilitator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }
    /// Ends the storm, but for the chain's own.
    pub(crate) fn cease(&self) {
        self.calm.store(true, Ordering::Relaxed);
        self.wire.cease();
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|f| f.cease());
    }

    /// Something that no seed should cause: the simulation itself is wrong.
    pub(crate) fn fail(&self, why: Error) {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
    }
    pub(crate) fn broken(&self) -> Option<Error> {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn life(&self) -> u64 {
        self.lives.fetch_add(1, Ordering::Relaxed)
    }
}

fn deploy(chain: &SimChain, bug: Option<Bug>) -> Result<AssetId> {
    let token = SimToken::known(chain.id(), USDC)?;
    let asset = token.asset()?;
    SimEvm::deploy(chain, [token.clone()])?;
    if bug == Some(Bug::ChainPaysTwice) {
        chain.deploy_at(Account::new(chain.id(), asset.key())?, Arc::new(PaysTwice(token)));
    }
    Ok(asset)
}

fn secret(n: u64) -> [u8; 32] {
    let mut secret = [7; 32];
    secret.iter_mut().zip(n.to_le_bytes()).for_each(|(to, byte)| *to = byte);
    secret
}

fn thing(buyer: u64, i: u64) -> String {
    let kind = if i % DEAR_EVERY == DEAR_EVERY / 2 { "dear" } else { "things" };
    format!("/{kind}/{buyer}-{i}")
}

/// What everything is worth, always.
pub(crate) struct Fixed(pub(crate) Arc<dyn Clock>);

#[async_trait]
impl Oracle for Fixed {
    async fn usd(&self, asset: &AssetId) -> Result<UsdPrice> {
        let at: Time = self.0.now();
        let (answer, asset_decimals) = if asset.key() == AssetId::NATIVE { (2_000, 18) } else { (1, 6) };
        Ok(UsdPrice { answer, answer_decimals: 0, asset_decimals, at })
    }
}
