use super::api::{At, Mined, SimEvent};
use super::block::{Frame, Inner, Waiting};
use super::key::{Keys, SimKey, account};
use super::node::NodeBuilder;
use super::program::Program;
use super::settings::SimSettings;
use super::state::{Change, State, Supply};
use super::token::Token;
use super::tx::Tx;
use crate::weave::SeededDice;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tollway_core::{Account, AssetId, ChainId, Clock, Code, Error, Ledger, Next, Result, Time, TxId};

/// A chain in memory: the same seed, the same calls at the same virtual times, the same blocks.
///
/// This is the world. Processes look at it through a node of their own ([`Self::node`]), which fails and lags as it is
/// told to; the methods here never fail and always see the newest state, so tests probe with them.
pub struct SimChain {
    pub(super) frame: Frame,
    pub(super) clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

impl fmt::Debug for SimChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner();
        write!(f, "SimChain({} at block {})", self.frame.settings.chain, inner.number)
    }
}

/// A chain's newest block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its number.
    pub number: u64,
    /// Its time.
    pub time: Time,
    /// Its base fee per gas.
    pub base_fee: u128,
}

/// A chain's state at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Picture {
    /// Every balance that is not zero.
    pub balances: Vec<(AssetId, Account, u128)>,
    /// Every sender's next nonce, where it has sent something.
    pub nonces: Vec<(Account, u64)>,
    /// A hash of what all programs have stored.
    pub programs: [u8; 32],
}

impl SimChain {
    /// A chain that begins now. It may bear any name, so that it can stand for a chain of another family; accounts that
    /// it makes itself are `0x` and 40 hex digits all the same.
    ///
    /// # Errors
    /// None that a valid chain id can cause.
    pub fn new(settings: SimSettings, clock: Arc<dyn Clock>, dice: &SeededDice) -> Result<Arc<Self>> {
        let chain = settings.chain;
        let inner = Inner {
            genesis: clock.now(),
            number: 0,
            base_fee: settings.fees.base.min(settings.fees.cap).max(settings.fees.floor),
            state: State::default(),
            programs: BTreeMap::new(),
            pool: Vec::new(),
            mined: BTreeMap::new(),
            events: Vec::new(),
            blocks: VecDeque::new(),
            reorgs: 0,
        };
        let frame = Frame {
            coin: AssetId::native(chain),
            miner: account(chain, "miner")?,
            keys: Keys::default(),
            dice: dice.fork(chain.as_str()),
            settings,
        };
        Ok(Arc::new(Self { frame, clock, inner: Mutex::new(inner) }))
    }
    /// Its name.
    pub fn id(&self) -> ChainId {
        self.frame.settings.chain
    }
    /// Its own coin.
    pub fn coin(&self) -> AssetId {
        self.frame.coin
    }
    /// What it is like.
    pub fn settings(&self) -> &SimSettings {
        &self.frame.settings
    }
    /// A process's way to this chain. Transactions are journaled in `ledger`.
    pub fn node(self: &Arc<Self>, ledger: Arc<dyn Ledger>) -> NodeBuilder {
        NodeBuilder::new(Arc::clone(self), ledger)
    }

    /// Puts a program at the address of a name, in place of one that is there. No reorg takes it away.
    ///
    /// # Errors
    /// None that a valid name can cause.
    pub fn deploy(&self, name: &str, program: Arc<dyn Program>) -> Result<Account> {
        let place = account(self.id(), name)?;
        self.inner().programs.insert(place, program);
        Ok(place)
    }
    /// Puts a [`Token`] at the address of a name.
    ///
    /// # Errors
    /// None that a valid name can cause.
    pub fn token(&self, name: &str) -> Result<AssetId> {
        let place = self.deploy(name, Arc::new(Token))?;
        AssetId::new(self.id(), place.address())
    }
    /// Puts a program at an address of the test's own choice.
    pub fn deploy_at(&self, place: Account, program: Arc<dyn Program>) {
        self.inner().programs.insert(place, program);
    }
    /// Lets the chain know a key, so that it accepts its signatures, and returns its account.
    ///
    /// # Errors
    /// None that a valid chain id can cause.
    pub fn know(&self, key: &SimKey) -> Result<Account> {
        let account = key.account(self.id())?;
        self.frame.keys.add(account, key.clone());
        Ok(account)
    }
    /// Gives somebody coins or tokens that were always there: no reorg takes them away.
    ///
    /// # Errors
    /// [`Code::InvalidAmount`] when the sum does not fit.
    pub fn endow(&self, owner: &Account, asset: &AssetId, atomic: u128) -> Result<()> {
        let mut inner = self.caught_up();
        let over = |_| Error::caller(Code::InvalidAmount).detail("the endowment does not fit");
        inner.state.ordain(Change::Mint(*asset, atomic)).map_err(over)?;
        inner.state.ordain(Change::Credit(*asset, *owner, atomic)).map_err(over)
    }
    /// True when `signature` is `who`'s on `message`.
    pub fn signed_by(&self, who: &Account, message: &[u8], signature: &[u8]) -> bool {
        self.frame.keys.signed(who, message, signature)
    }

    /// The newest block.
    pub fn head(&self) -> Head {
        let inner = self.caught_up();
        Head { number: inner.number, time: inner.time(&self.frame, inner.number), base_fee: inner.base_fee }
    }
    /// What somebody holds.
    pub fn balance(&self, owner: &Account, asset: &AssetId) -> u128 {
        self.caught_up().state.balance(asset, owner)
    }
    /// Every balance that is not zero.
    pub fn balances(&self) -> Vec<(AssetId, Account, u128)> {
        self.caught_up().state.balances().map(|(asset, owner, n)| (*asset, *owner, n)).collect()
    }
    /// How much of an asset was ever made, and destroyed.
    pub fn supply(&self, asset: &AssetId) -> Supply {
        self.caught_up().state.supply(asset)
    }
    /// The next nonce of a sender.
    pub fn nonce(&self, of: &Account) -> u64 {
        self.caught_up().state.nonce(of)
    }
    /// Everything that programs have said in blocks that still stand, oldest first.
    pub fn events(&self) -> Vec<SimEvent> {
        self.caught_up().events.clone()
    }
    /// Every transaction of the blocks that still stand, in no particular order.
    pub fn transactions(&self) -> Vec<Mined> {
        self.caught_up().mined.values().cloned().collect()
    }
    /// A transaction, while it is in a block.
    pub fn transaction(&self, tx: &TxId) -> Option<Mined> {
        self.caught_up().mined.get(tx).cloned()
    }
    /// Transactions that wait for a block.
    pub fn waiting(&self) -> Vec<TxId> {
        self.caught_up().pool.iter().map(|w| w.tx.id.clone()).collect()
    }
    /// How many reorgs there have been.
    pub fn reorgs(&self) -> u64 {
        self.caught_up().reorgs
    }
    /// The whole state at this moment, to be compared with another moment's.
    pub fn picture(&self) -> Picture {
        let inner = self.caught_up();
        let balances = inner.state.balances().map(|(asset, owner, n)| (*asset, *owner, n)).collect();
        Picture { balances, nonces: inner.state.nonces(), programs: inner.state.fingerprint() }
    }
    /// Checks that of every asset exactly so much is held as was made and not destroyed.
    ///
    /// # Errors
    /// [`Code::Internal`], naming the asset that does not add up.
    pub fn check_conservation(&self) -> Result<()> {
        let inner = self.caught_up();
        let mut held: BTreeMap<AssetId, u128> = BTreeMap::new();
        for (asset, _, n) in inner.state.balances() {
            let sum = held.entry(*asset).or_default();
            *sum = sum.checked_add(n).ok_or_else(|| unbalanced(asset, u128::MAX, Supply::default()))?;
        }
        for (asset, supply) in inner.state.supplies() {
            let there = held.remove(asset).unwrap_or(0);
            if there.checked_add(supply.burned) != Some(supply.minted) {
                return Err(unbalanced(asset, there, supply));
            }
        }
        held.into_iter().next().map_or(Ok(()), |(asset, n)| Err(unbalanced(&asset, n, Supply::default())))
    }

    /// Takes the newest `depth` blocks back and makes others in their place. Returns how many transactions went back to
    /// the pool.
    ///
    /// # Errors
    /// [`Code::BadSettings`] when the finality does not allow it.
    pub fn reorg(&self, depth: u32) -> Result<usize> {
        if depth >= self.frame.settings.finality {
            return Err(Error::caller(Code::BadSettings)
                .detail(format!("{depth} blocks down is final after {}", self.frame.settings.finality)));
        }
        Ok(self.caught_up().reorg(&self.frame, u64::from(depth)))
    }
    /// Loses a waiting transaction; false when it waits no longer.
    pub fn lose(&self, tx: &TxId) -> bool {
        let mut inner = self.caught_up();
        let before = inner.pool.len();
        inner.pool.retain(|w| w.tx.id != *tx);
        inner.pool.len() < before
    }

    /// Takes a transaction in. It may be lost, delayed or repeated on the way.
    pub(super) fn broadcast(&self, tx: Tx) -> Result<()> {
        let mut inner = self.caught_up();
        if inner.mined.contains_key(&tx.id) || inner.pool.iter().any(|w| w.tx.id == tx.id) {
            return Ok(());
        }
        let taken = inner.pool.iter().any(|w| w.tx.from == tx.from && w.tx.nonce == tx.nonce);
        if taken || tx.nonce < inner.state.nonce(&tx.from) {
            return Err(Error::network(Code::RpcRefused).next(Next::Never).detail("the nonce is used"));
        }
        let (pool, dice) = (self.frame.settings.pool, &self.frame.dice);
        if dice.chance(pool.drop_per_mille) {
            return Ok(());
        }
        let next = inner.number.saturating_add(1);
        let delay = || dice.between(1, u64::from(pool.delay_blocks.min(64)));
        let from_block = if dice.chance(pool.delay_per_mille) { next.saturating_add(delay()) } else { next };
        if dice.chance(pool.duplicate_per_mille) {
            inner.pool.push(Waiting { tx: tx.clone(), from_block: from_block.saturating_add(1) });
        }
        inner.pool.push(Waiting { tx, from_block });
        Ok(())
    }
    /// How many blocks back a look at `at` is.
    pub(super) fn back(&self, at: At) -> u64 {
        match at {
            At::Latest => 0,
            At::Final => u64::from(self.frame.settings.finality),
        }
    }
    /// Everything, with all blocks made that are due.
    pub(super) fn caught_up(&self) -> MutexGuard<'_, Inner> {
        let now = self.clock.now();
        let mut inner = self.inner();
        inner.catch_up(&self.frame, now);
        inner
    }
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unbalanced(asset: &AssetId, held: u128, supply: Supply) -> Error {
    let Supply { minted, burned } = supply;
    Error::us(Code::Internal).detail(format!("{asset}: {minted} made, {burned} destroyed, {held} held"))
}
